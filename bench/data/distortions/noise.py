"""Noise, and the smear that is left when strong noise was removed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions.spaces import Image, clip, rgb_to_ycbcr, ycbcr_to_rgb

_SEARCH, _PATCH = 4, 5
"""Non-local means: offsets up to so many pixels, compared over patches of so many pixels a side."""


def white_noise(image: Image, variance: float, rng: KeyedRng) -> Image:
    """Gaussian noise of this variance, independent in each channel."""
    return clip(image + math.sqrt(variance) * _normal(image, rng))


def white_noise_ycbcr(image: Image, variance: float, rng: KeyedRng) -> Image:
    """Gaussian noise of this variance on luma and both colour differences."""
    return clip(ycbcr_to_rgb(rgb_to_ycbcr(image) + math.sqrt(variance) * _normal(image, rng)))


def impulse_noise(image: Image, density: float, rng: KeyedRng) -> Image:
    """This share of all channel values becomes 0 or 1, half and half."""
    drawn = rng.uniform(*image.shape)[0].double().numpy()
    return np.where(drawn < density / 2, 0.0, np.where(drawn < density, 1.0, clip(image)))


def multiplicative_noise(image: Image, variance: float, rng: KeyedRng) -> Image:
    """Speckle: Gaussian noise of this variance, times the image."""
    return clip(image * (1 + math.sqrt(variance) * _normal(image, rng)))


def denoised(image: Image, variance: float, rng: KeyedRng) -> Image:
    """Gaussian noise of this variance, then removed by non-local means (Buades et al., CVPR 2005).

    KADID-10k removes it with the network DnCNN; both leave smooth patches and lost texture.
    """
    noisy = image + math.sqrt(variance) * _normal(image, rng)
    height, width = image.shape[:2]
    padded = np.pad(noisy, ((_SEARCH, _SEARCH), (_SEARCH, _SEARCH), (0, 0)), mode="reflect")
    total, weights = np.zeros_like(noisy), np.zeros((height, width))
    for dy in range(2 * _SEARCH + 1):
        for dx in range(2 * _SEARCH + 1):
            moved = padded[dy : dy + height, dx : dx + width]
            distance = ndimage.uniform_filter(((noisy - moved) ** 2).mean(-1), _PATCH, mode="nearest")
            # Two noisy copies of one patch differ by twice the variance on average.
            weight = np.exp(-np.maximum(distance - 2 * variance, 0) / (0.4 * variance))
            total += weight[..., None] * moved
            weights += weight
    return clip(total / weights[..., None])


def _normal(image: Image, rng: KeyedRng) -> NDArray[np.float64]:
    drawn: NDArray[np.float64] = rng.normal(*image.shape)[0].double().numpy()
    return drawn
