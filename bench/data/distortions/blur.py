"""Blurs. Borders repeat the outermost pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions.spaces import Image, clip

_SUBPIXELS = 16
"""Per pixel and direction, to measure how much of a pixel a disk covers."""


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Gaussian of standard deviation ``sigma`` pixels, cut off at twice that."""
    return clip(ndimage.gaussian_filter(image, sigma, mode="nearest", radius=math.ceil(2 * sigma), axes=(0, 1)))


def lens_blur(image: Image, radius: float) -> Image:
    """Mean over a disk of ``radius`` pixels: a point out of focus."""
    return _filter(image, _disk(radius))


def motion_blur(image: Image, length: float, rng: KeyedRng) -> Image:
    """Mean along a line of ``length`` pixels in a drawn direction; a length of 1 changes nothing."""
    return _filter(image, _line(length, math.pi * float(rng.uniform(1)[0, 0])))


def _filter(image: Image, kernel: NDArray[np.float64]) -> Image:
    return clip(np.stack([ndimage.convolve(image[..., c], kernel, mode="nearest") for c in range(3)], -1))


def _disk(radius: float) -> NDArray[np.float64]:
    """Share of each pixel that a disk covers, normalised."""
    reach = math.ceil(radius)
    fine = (np.arange((2 * reach + 1) * _SUBPIXELS) + 0.5) / _SUBPIXELS - reach - 0.5
    inside = (fine[:, None] ** 2 + fine**2 <= radius**2).astype(float)
    covered = inside.reshape(2 * reach + 1, _SUBPIXELS, 2 * reach + 1, _SUBPIXELS).mean((1, 3))
    kernel: Image = covered / covered.sum()
    return kernel


def _line(length: float, angle: float) -> NDArray[np.float64]:
    """A line one pixel wide: a pixel's weight falls with its distance from the segment, and is 0 from one pixel on."""
    half = (length - 1) / 2
    reach = math.ceil(half)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    along = np.clip(x * math.cos(angle) + y * math.sin(angle), -half, half)
    distance = np.hypot(x - along * math.cos(angle), y - along * math.sin(angle))
    weights = np.maximum(1 - distance, 0)
    kernel: Image = weights / weights.sum()
    return kernel
