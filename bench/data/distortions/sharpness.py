"""Sharpness and contrast."""

from __future__ import annotations

from scipy import ndimage
from scipy.interpolate import CubicSpline

from bench.data.distortions.spaces import Image, clip, lab_to_rgb, rgb_to_lab


def sharpen(image: Image, amount: float) -> Image:
    """Unsharp masking of Lab's L: ``amount`` times its difference from a Gaussian (13 x 13, sigma 6) is added."""
    lab = rgb_to_lab(image)
    light = lab[..., 0]
    lab[..., 0] = light + amount * (light - ndimage.gaussian_filter(light, 6, mode="nearest", radius=6))
    return lab_to_rgb(lab)


def contrast(image: Image, amount: float) -> Image:
    """A cubic spline through (0,0), (0.3, 0.25 - amount/4), (0.5, 0.5), (0.7, 0.75 + amount/4), (1,1) on the channels."""
    curve = CubicSpline((0, 0.3, 0.5, 0.7, 1), (0, 0.25 - amount / 4, 0.5, 0.75 + amount / 4, 1), bc_type="not-a-knot")
    return clip(curve(clip(image)))
