"""Moves of a corner search that change a small square of an image at once.

A convolution adds up neighbouring pixels, so that a square which goes one way moves a few neurons by much, where as many
pixels drawn from all over the image move many neurons by little.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attacks.randomness import KeyedRng

LARGEST = 4
"""Pixels of a side."""


def patches(upwards: Tensor, count: int, rng: KeyedRng) -> Tensor:
    """Which entries so many candidates change per image, bool ``(n, count, C, H, W)``.

    upwards: ``(n, C, H, W)`` bool, whether an entry's move raises it. A candidate brings a square of 1 to :data:`LARGEST`
    pixels a side, in one channel or in all, to one end of the ball in each channel; if all of it lies there, to the other.
    """
    channels = upwards.shape[1]
    box = boxes(upwards.shape[1:], count, rng)
    to_top = rng.fold("end").uniform(count, channels) > 0.5
    to_end = box & (upwards[:, None] == to_top[..., None, None])
    return torch.where(to_end.flatten(2).any(2)[..., None, None, None], to_end, box)


def boxes(shape: Sequence[int], count: int, rng: KeyedRng) -> Tensor:
    """So many squares per image of ``shape`` ``(C, H, W)``, in one channel or in all; bool ``(n, count, C, H, W)``."""
    channels, height, width = shape
    size, across, down, which = rng.fold("patch").uniform(count, 4).unbind(2)
    side = (1 + size * min(LARGEST, height, width)).long()
    inside = _within(across, side, width)[:, :, None, None, :] & _within(down, side, height)[:, :, None, :, None]
    channel = (which * (channels + 1)).long()
    chosen = (torch.arange(channels, device=channel.device) == channel[..., None]) | (channel[..., None] == channels)
    return inside & chosen[..., None, None]


def _within(where: Tensor, side: Tensor, length: int) -> Tensor:
    """Whether each of ``length`` places lies in an interval of ``side`` places; bool ``(n, count, length)``.

    where: ``(n, count)`` from 0 to 1, of the interval's first place among those possible. side: ``(n, count)``.
    """
    first = (where * (length - side + 1)).long()[..., None]
    places = torch.arange(length, device=where.device)
    return (places >= first) & (places < first + side[..., None])
