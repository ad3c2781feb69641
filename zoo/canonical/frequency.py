"""The frequency encoding with sums in a fixed order.

The Fourier transforms of :mod:`zoo.spiking.frequency` add up in an order of their own on each machine. Taking the
frequencies of a box is linear in the image, rows and columns apart: ``P X Q^T`` with, on a side of S pixels,

    P[a, b] = 1/S * sum over m from -r to r - 1 of exp(2 pi i m (a - b) / S),

so that it becomes four real matrices in linear layers of :mod:`zoo.canonical.layers`. Their entries are rounded to multiples
of 2^-24, on which every machine agrees.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zoo.canonical.layers import CanonicalLinear
from zoo.spiking.frequency import boxes

GRID = 2.0**24


def passing(side: int, radius: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of P, each ``(side, side)``, float32."""
    apart = torch.arange(side)[:, None] - torch.arange(side)[None, :]
    angles = 2 * math.pi / side * torch.arange(-radius, radius).double()[:, None, None] * apart
    parts = (torch.cos(angles).sum(0) / side, torch.sin(angles).sum(0) / side)
    real, imaginary = (((part * GRID).round() / GRID).float() for part in parts)
    return real, imaginary


class CanonicalFrequency(nn.Module):
    """The function of :class:`~zoo.spiking.frequency.Frequency` on float32 images of a CPU, the same bits everywhere."""

    stochastic = False

    def __init__(self, *, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self._filters: dict[tuple[int, int, int, int], tuple[CanonicalLinear, CanonicalLinear]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """``(T, N, C, H, W)`` for images ``(N, C, H, W)``. Raises ``ValueError`` as the encoder does."""
        height, width = x.shape[-2:]
        images = []
        for tall, wide in boxes(self.steps, height, width):
            everything = (tall, wide) == (height // 2, width // 2)
            images.append(x if everything else self._filtered(x, tall, wide))
        return torch.stack(images)

    def _filtered(self, x: Tensor, tall: int, wide: int) -> Tensor:
        count, channels, height, width = x.shape
        along_rows, along_columns = self._filter(height, width, tall, wide)
        # (N, C, H, W) to real and imaginary parts (N, C, H, 2, W), then with columns last (N, C, W, 2 H).
        parts = along_rows(x.reshape(-1, width)).view(count, channels, height, 2, width)
        parts = parts.permute(0, 1, 4, 3, 2).reshape(-1, 2 * height)
        real, imaginary = along_columns(parts).view(count, channels, width, 2, height).permute(3, 0, 1, 4, 2)
        squares = real.square() + imaginary.square()
        # The root of 0 has no slope: there the magnitude counts as 0 whatever happens.
        return torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)

    def _filter(self, height: int, width: int, tall: int, wide: int) -> tuple[CanonicalLinear, CanonicalLinear]:
        key = (height, width, tall, wide)
        if key not in self._filters:
            (real, imaginary), (down, up) = passing(width, wide), passing(height, tall)
            rows = torch.cat([real, imaginary])
            columns = torch.cat([torch.cat([down, -up], 1), torch.cat([up, down], 1)])
            self._filters[key] = (
                CanonicalLinear(rows, torch.zeros(2 * width)),
                CanonicalLinear(columns, torch.zeros(2 * height)),
            )
        return self._filters[key]
