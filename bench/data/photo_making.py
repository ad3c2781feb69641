"""Makes the samples of ``photos``: crops of photographs, distorted and scored. The same photographs give the same bytes.

Every draw is keyed by photograph, crop, distortion and level. Pictures are decoded and resized by Pillow, whose
versions may differ in the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions.catalogue import DISTORTIONS
from bench.data.distortions.spaces import Image, luma
from bench.data.photo_plan import SIDE, Item
from bench.data.pseudo_mos import measure

SHORTER = 384
"""Photographs are shrunk until their shorter side has so many pixels, as in KADID-10k."""
SHARP = 5 / 255
"""A crop is used if a twentieth of its pixels differ by so much from their surroundings (a Gaussian of sigma 1)."""


def crops_of(picture: Path, count: int) -> list[Image]:
    """``count`` crops of a photograph, (SIDE, SIDE, 3) in [0,1], without overlap.

    Places without anything sharp (sky, what is out of focus) are left out, because nobody can see them blurred.
    The rest is sampled evenly from soft to sharp.
    """
    with Pillow.open(picture) as opened:
        image = opened.convert("RGB")
    scale = min(1.0, SHORTER / min(image.size))
    image = image.resize((round(image.width * scale), round(image.height * scale)), Pillow.Resampling.LANCZOS)
    values = np.asarray(image, np.float64) / 255
    light = luma(values)
    detail = np.abs(light - ndimage.gaussian_filter(light, 1))
    rows, columns = light.shape[0] // SIDE, light.shape[1] // SIDE
    top, left = (light.shape[0] - rows * SIDE) // 2, (light.shape[1] - columns * SIDE) // 2
    cells = [
        (slice(top + r * SIDE, top + (r + 1) * SIDE), slice(left + c * SIDE, left + (c + 1) * SIDE))
        for r in range(rows)
        for c in range(columns)
    ]
    sharpness = {number: float(np.percentile(detail[cell], 95)) for number, cell in enumerate(cells)}
    ranked = sorted(sharpness, key=sharpness.__getitem__)
    sharp = sum(value >= SHARP for value in sharpness.values())
    sharpest = ranked[-max(sharp, count) :]
    return [values[cells[sharpest[i * len(sharpest) // count]]] for i in range(count)]


def distorted(reference: Image, item: Item) -> NDArray[np.uint8]:
    """The sample's pixels, (SIDE, SIDE, 3)."""
    rng = KeyedRng.of(0, torch.tensor([item.photo])).fold("photos", item.crop, item.kind, item.level)
    return np.round(DISTORTIONS[item.kind](reference, item.level, rng) * 255).astype(np.uint8)


def make(
    items: Sequence[Item], crops: Callable[[int], Sequence[Image]], done: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[Item, NDArray[np.uint8], NDArray[np.float64]]]:
    """For each item its pixels (SIDE, SIDE, 3) and its three measures (3,). crops: those of a photograph's number."""
    for number, item in enumerate(items):
        reference = crops(item.photo)[item.crop]
        pixels = distorted(reference, item)
        yield item, pixels, measure(reference, pixels / 255)
        done(number + 1)
