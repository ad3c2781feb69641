"""Augmentation on whole batches of uint8 images, without a Python loop per image but in AutoAugment."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.training.autoaugment import autoaugment

PADDING = 4
HOLE = 16


def crop_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pad each image by 4 black pixels, crop it at random to its size, mirror it with probability 1/2.

    images: ``(n, C, H, W)``, any dtype. generator: on the device of ``images``. Returns images of the same shape.
    """
    n, channels, height, width = images.shape
    device = images.device

    def draw(high: int) -> Tensor:
        return torch.randint(high, (n, 1), generator=generator, device=device)

    rows = draw(2 * PADDING + 1) + torch.arange(height, device=device)
    columns = draw(2 * PADDING + 1) + torch.arange(width, device=device)
    columns = torch.where(draw(2).bool(), columns.flip(1), columns)
    padded = F.pad(images, [PADDING] * 4)
    sample = torch.arange(n, device=device).view(n, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, channels, 1, 1)
    return padded[sample, channel, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]


def crop_flip_cutout(images: Tensor, generator: torch.Generator) -> Tensor:
    """:func:`crop_flip`, then :func:`cutout`."""
    return cutout(crop_flip(images, generator), generator)


def crop_flip_autoaugment_cutout(images: Tensor, generator: torch.Generator) -> Tensor:
    """:func:`crop_flip`, :func:`~bench.training.autoaugment.autoaugment` and :func:`cutout`, in this order."""
    return cutout(autoaugment(crop_flip(images, generator), generator), generator)


def cutout(images: Tensor, generator: torch.Generator) -> Tensor:
    """A black square of 16 pixels around a random pixel of each image, cut at the border (Cutout)."""
    n, _, height, width = images.shape

    def in_hole(size: int) -> Tensor:
        centre = torch.randint(size, (n, 1), generator=generator, device=images.device)
        offset = torch.arange(size, device=images.device) - centre
        return (offset >= -(HOLE // 2)) & (offset < HOLE // 2)

    hole = in_hole(height)[:, None, :, None] & in_hole(width)[:, None, None, :]
    return images.masked_fill(hole, 0)


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of ``(n, C, H, W)`` with probability 1/2; mirroring does not change quality."""
    mirrored = torch.randint(2, (len(images), 1, 1, 1), generator=generator, device=images.device).bool()
    return torch.where(mirrored, images.flip(3), images)


AUGMENTATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "none": lambda images, generator: images,
    "crop_flip": crop_flip,
    "crop_flip_cutout": crop_flip_cutout,
    "crop_flip_autoaugment_cutout": crop_flip_autoaugment_cutout,
    "flip": flip,
}
"""From a recipe's ``augment`` to the function on a batch of images."""
