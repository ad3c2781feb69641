"""Functions that the full-reference measures share: colour channels, gradients, and the similarity of two maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Map = NDArray[np.float64]
"""(H, W)."""

_PREWITT = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3


def check_pair(reference: NDArray[np.float64], distorted: NDArray[np.float64]) -> None:
    """Raise ``ValueError`` unless both are (H, W, 3) of one shape, at least 16 pixels a side, in [0,1]."""
    if reference.shape != distorted.shape or reference.ndim != 3 or reference.shape[2] != 3 or min(reference.shape[:2]) < 16:
        raise ValueError(f"two images (H, W, 3) of one shape are needed, got {reference.shape} and {distorted.shape}")
    for image in (reference, distorted):
        if not (image.min() >= 0 and image.max() <= 1):
            raise ValueError("images must lie in [0,1]")


def channels(image: NDArray[np.float64], matrix: NDArray[np.float64]) -> tuple[Map, Map, Map]:
    """Three maps (H, W): ``matrix`` (3, 3) times the image (H, W, 3) in [0,1], scaled to 0 to 255."""
    first, second, third = np.moveaxis(255 * image @ matrix.T, -1, 0)
    return first, second, third


def gradient_magnitude(image: Map) -> Map:
    """Gradient magnitude (H, W) of ``image`` (H, W) by the Prewitt operator, with zeros outside of the image."""
    across = ndimage.convolve(image, _PREWITT, mode="constant")
    down = ndimage.convolve(image, _PREWITT.T, mode="constant")
    return np.hypot(across, down)


def similarity(first: Map, second: Map, constant: float) -> Map:
    """``(2ab + c) / (a^2 + b^2 + c)`` of two maps (H, W): 1 where they agree."""
    result: Map = (2 * first * second + constant) / (first**2 + second**2 + constant)
    return result


def halve(image: Map) -> Map:
    """Means (H // 2, W // 2) of 2 x 2 pixels of ``image`` (H, W); an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in image.shape)
    result: Map = image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    return result
