"""Distortions of colour that leave lightness more or less alone."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pillow
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions.spaces import Image, clip, lab_to_rgb, luma, rgb_to_lab


def colour_diffusion(image: Image, amount: float) -> Image:
    """Lab's a and b are blurred (sigma 1.5 amount + 2 pixels) and multiplied by ``amount``."""
    lab = rgb_to_lab(image)
    sigma = 1.5 * amount + 2
    blurred = ndimage.gaussian_filter(lab[..., 1:], sigma, mode="nearest", radius=math.ceil(2 * sigma), axes=(0, 1))
    lab[..., 1:] = blurred * amount
    return lab_to_rgb(lab)


def colour_shift(image: Image, pixels: float, rng: KeyedRng) -> Image:
    """The green channel moves by about ``pixels`` in a drawn direction, where the image has edges."""
    edges = np.hypot(*np.gradient(luma(image)))
    edges = ndimage.gaussian_filter(edges, 4, mode="nearest", radius=8)
    spread = float(np.ptp(edges))
    mask = (edges - edges.min()) / spread if spread > 0 else np.zeros_like(edges)
    mask = np.clip(mask, *np.percentile(mask, (1, 99)))
    angle = 2 * math.pi * float(rng.uniform(1)[0, 0])
    offset = (round(pixels * math.sin(angle)), round(pixels * math.cos(angle)))
    moved = ndimage.shift(image[..., 1], offset, order=0, mode="nearest")
    green = moved * mask + image[..., 1] * (1 - mask)
    return clip(np.stack([image[..., 0], green, image[..., 2]], -1))


def colour_quantisation(image: Image, colours: float) -> Image:
    """A palette of so many colours (median cut) with Floyd-Steinberg dithering."""
    picture = Pillow.fromarray(np.round(clip(image) * 255).astype(np.uint8))
    palette = picture.quantize(int(colours), method=Pillow.Quantize.MEDIANCUT)
    dithered = picture.quantize(int(colours), palette=palette, dither=Pillow.Dither.FLOYDSTEINBERG)
    return np.asarray(dithered.convert("RGB"), np.float64) / 255


def saturation_hsv(image: Image, factor: float) -> Image:
    """HSV saturation times ``factor``: 0 leaves each pixel's largest channel as grey, below 0 colours turn around."""
    value = image.max(-1, keepdims=True)
    return clip(value - factor * (value - image))


def saturation_lab(image: Image, factor: float) -> Image:
    """Lab's a and b times ``factor``; 1 changes nothing."""
    lab = rgb_to_lab(image)
    lab[..., 1:] *= factor
    return lab_to_rgb(lab)
