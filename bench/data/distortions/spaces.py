"""Colour spaces: sRGB (D65) to CIE Lab and to luma and colour differences, and back. All arrays are float64 (..., 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
"""(H, W, 3), sRGB in [0,1]."""

_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_EDGE = 6 / 29
"""Where Lab's cube root turns into a line."""


def clip(image: Image) -> Image:
    """Into [0,1]. KADID-10k's generator stretches to the full range instead, which partly undoes a shift or a contrast."""
    return np.clip(image, 0.0, 1.0)


def rgb_to_lab(image: Image) -> Image:
    """L in [0,100], a and b around 0 (CIE 1976)."""
    linear = np.where(image > 0.04045, ((image + 0.055) / 1.055) ** 2.4, image / 12.92)
    scaled = linear @ _XYZ.T / _WHITE
    f = np.where(scaled > _EDGE**3, np.cbrt(scaled), scaled / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def lab_to_rgb(lab: Image) -> Image:
    """Inverse of :func:`rgb_to_lab`; colours that sRGB does not have are clipped."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    scaled = np.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29))
    linear = clip((scaled * _WHITE) @ np.linalg.inv(_XYZ).T)
    return clip(np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear))


def rgb_to_ycbcr(image: Image) -> Image:
    """Full-range BT.601: luma in [0,1], colour differences in [-0.5,0.5]."""
    ycbcr: Image = image @ _YCBCR.T
    return ycbcr


def ycbcr_to_rgb(ycbcr: Image) -> Image:
    """Inverse of :func:`rgb_to_ycbcr`, not clipped."""
    return ycbcr @ np.linalg.inv(_YCBCR).T


def luma(image: Image) -> Image:
    """BT.601 luma (H, W)."""
    grey: Image = image @ _YCBCR[0]
    return grey
