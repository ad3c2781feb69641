"""Distortions of place: things moved, coarsened or covered.

Numbers and sizes are KADID-10k's for images of 512 x 384 pixels, scaled to the image at hand.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions.spaces import Image, clip

_AREA, _SIDE = 512 * 384, 384
_ITERATIONS = 5
_PATCH, _BLOCK = 16, 32


def jitter(image: Image, sigma: float, rng: KeyedRng) -> Image:
    """Every pixel is taken from a place that is off by Gaussian ``sigma`` pixels, five times over, bilinearly."""
    height, width = image.shape[:2]
    offsets = sigma * rng.normal(_ITERATIONS, 2, height, width)[0].double().numpy()
    grid = np.mgrid[:height, :width]
    for offset in offsets:
        image = np.stack(
            [ndimage.map_coordinates(image[..., c], grid + offset, order=1, mode="nearest") for c in range(3)], -1
        )
    return clip(image)


def misplaced_patches(image: Image, number: float, rng: KeyedRng) -> Image:
    """Patches of 16 x 16 pixels are copied to a place up to 8 pixels away; ``number`` is scaled by area, at least 1."""
    height, width = image.shape[:2]
    count = max(1, round(number * height * width / _AREA))
    result = image.copy()
    for y, x, dy, dx in rng.uniform(count, 4)[0].double().numpy():
        top, left = round(y * (height - _PATCH)), round(x * (width - _PATCH))
        to_top = int(np.clip(top + _offset(dy), 0, height - _PATCH))
        to_left = int(np.clip(left + _offset(dx), 0, width - _PATCH))
        patch = result[top : top + _PATCH, left : left + _PATCH].copy()
        result[to_top : to_top + _PATCH, to_left : to_left + _PATCH] = patch
    return clip(result)


def _offset(drawn: float) -> int:
    """From 4 to 8 pixels, either way: a smaller move would hardly be one."""
    distance = 4 + round(4 * abs(2 * drawn - 1))
    return distance if drawn < 0.5 else -distance


def pixelate(image: Image, strength: float) -> Image:
    """Shrunk to 0.95 - strength^0.6 of its size and enlarged again, both by nearest neighbour."""
    scale = 0.95 - strength**0.6
    rows, columns = (_there_and_back(side, max(1, int(side * scale))) for side in image.shape[:2])
    return clip(image[rows][:, columns])


def _there_and_back(side: int, small: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    shrunk = ((np.arange(small) + 0.5) * side / small).astype(np.intp)
    chosen: np.ndarray[tuple[int], np.dtype[np.intp]] = shrunk[(2 * np.arange(side) + 1) * small // (2 * side)]
    return chosen


def quantisation(image: Image, levels: float) -> Image:
    """So many equally spaced values per channel (KADID-10k spaces them by Otsu's method)."""
    count = int(levels)
    return np.minimum(np.floor(clip(image) * count), count - 1) / (count - 1)


def colour_blocks(image: Image, number: float, rng: KeyedRng) -> Image:
    """So many squares of one drawn colour each; 32 pixels a side, scaled by the shorter side of the image."""
    height, width = image.shape[:2]
    side = max(1, round(_BLOCK * min(height, width) / _SIDE))
    result = clip(image)
    for drawn in rng.uniform(int(number), 5)[0].double().numpy():
        top, left = round(drawn[0] * (height - side)), round(drawn[1] * (width - side))
        result[top : top + side, left : left + side] = drawn[2:]
    return result
