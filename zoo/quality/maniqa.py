"""MANIQA (Yang et al., CVPR Workshops 2022): attention over channels and over places, then a weighted mean of patch scores.

Features of several depths are concatenated, mixed by transposed attention blocks (between channels) and scaled
Swin blocks (between places), twice, and each place has a score and a weight. Smaller here: three stages of the
convolutional trunk on a fixed 8 x 8 grid stand in for four ViT blocks on 28 x 28, and a Swin layer has one pair of
blocks. Two departures: no dropout, so that training needs no hidden random state; and no ReLU on the patch scores,
because its gradient is zero where all of them are negative, which would look like robustness.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.quality.attention import TransposedAttention, WindowAttention
from zoo.quality.base import QualityModel, behind, channels_last
from zoo.quality.trunk import Trunk

GRID, WINDOW = 8, 4


class ScaledSwin(nn.Module):
    """``x + scale * layer(x)`` for a layer of two Swin blocks and a 3x3 convolution with ReLU. ``(N, C, 8, 8)``."""

    def __init__(self, channels: int, *, scale: float = 0.8, heads: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.blocks = nn.Sequential(
            *(
                WindowAttention(channels, GRID, window=WINDOW, shift=shift, heads=heads, hidden=2 * channels)
                for shift in (0, WINDOW // 2)
            )
        )
        self.mix = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Mixed features ``(N, C, 8, 8)`` of ``x`` ``(N, C, 8, 8)``."""
        layer: Tensor = self.mix(self.blocks(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return x + self.scale * layer.relu()


class Dimension(nn.Module):
    """One of the two rounds: transposed attention blocks, a 1x1 convolution to fewer channels, a scaled Swin layer."""

    def __init__(self, inputs: int, outputs: int, *, blocks: int = 2) -> None:
        super().__init__()
        self.channels = nn.Sequential(*(TransposedAttention(GRID**2) for _ in range(blocks)))
        self.reduce = nn.Conv2d(inputs, outputs, 1)
        self.places = ScaledSwin(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, outputs, 8, 8)`` of ``x`` ``(N, inputs, 8, 8)``."""
        mixed = self.channels(x.flatten(2)).unflatten(2, (GRID, GRID))
        out: Tensor = self.places(self.reduce(mixed))
        return out


class MANIQA(QualityModel):
    """The model of this module's docstring. dims: channels after the two rounds."""

    def __init__(self, *, widths: tuple[int, int, int, int] = (16, 32, 64, 96), dims: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for width in widths[1:])
        self.first = Dimension(sum(widths[1:]), dims[0])
        self.second = Dimension(dims[0], dims[1])
        self.score, self.weight = (
            nn.Sequential(nn.Linear(dims[1], dims[1]), nn.ReLU(), nn.Linear(dims[1], 1)) for _ in range(2)
        )

    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        """The uncalibrated score ``(N,)``, alone in a tuple."""
        stages = self.trunk(x)[1:]
        features = torch.cat([norm(self.pool(stage)) for norm, stage in zip(self.norms, stages, strict=True)], 1)
        places = self.second(self.first(features)).flatten(2).transpose(1, 2)
        scores, weights = self.score(places)[..., 0], torch.sigmoid(self.weight(places)[..., 0])
        return ((scores * weights).sum(1) / weights.sum(1),)


def maniqa(*, purify: dict[str, Any] | None = None, **arguments: Any) -> nn.Module:
    """A :class:`MANIQA` with its convolutions in channels-last order. purify: see :func:`~zoo.quality.base.behind`."""
    return behind(channels_last(MANIQA(**arguments)), purify)
