"""Brighter, darker, shifted."""

from __future__ import annotations

from bench.data.distortions.spaces import Image, clip, lab_to_rgb, rgb_to_lab


def brighten(image: Image, amount: float) -> Image:
    """A curve through (0,0), (0.5, 0.5 + amount/2), (1,1): two thirds on the channels, one third on Lab's L."""
    lab = rgb_to_lab(image)
    lab[..., 0] = 100 * _parabola(lab[..., 0] / 100, amount)
    return clip((2 * _parabola(image, amount) + lab_to_rgb(lab)) / 3)


def darken(image: Image, amount: float) -> Image:
    """A curve through (0,0), (0.5, 0.5 - amount/2), (1,1) on the channels."""
    return _parabola(image, -amount)


def mean_shift(image: Image, amount: float) -> Image:
    """``amount`` is added to all channels; 0 changes nothing."""
    return clip(image + amount)


def _parabola(values: Image, amount: float) -> Image:
    return clip(values + 2 * amount * values * (1 - values))
