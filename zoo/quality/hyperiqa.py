"""HyperIQA (Su et al., CVPR 2020): a hyper-network writes, for each image, the weights of the network that rates it.

The trunk's last map describes the content of the image; from it the hyper-network generates the weights of a small fully
connected target network, which rates a vector of local distortion features taken from all stages. Kept from the paper:
local feature modules, three 1x1 convolutions with ReLU before the generators, weights from 3x3 convolutions and reshaping,
biases and the last layer from linear maps of the pooled map, sigmoids inside the target network and none after it.
Smaller here: the trunk, a 3 x 3 map (7 x 7 there), a target network of 72-36-18-9-1 (224-112-56-28-14-1 there).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from zoo.quality.base import QualityModel, behind, channels_last
from zoo.quality.trunk import Trunk

GRID = 3
"""Side of the map that weights are generated from; the product of neighbouring sizes must divide by its square."""


class LocalFeatures(nn.Module):
    """Distortion features of one stage: a 1x1 convolution, pooling to a small grid, a linear map to ``(N, outputs)``."""

    def __init__(self, inputs: int, outputs: int, *, channels: int = 16, grid: int = 4) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, channels, 1, bias=False)
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.read = nn.Linear(channels * grid * grid, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, outputs)`` of a map ``(N, inputs, H, W)``."""
        out: Tensor = self.read(self.pool(self.reduce(x)).flatten(1))
        return out


class HyperIQA(QualityModel):
    """The model of this module's docstring. sizes: widths of the target network before its single output.

    Raises ``ValueError`` for sizes whose neighbours have no product that the grid divides.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, int, int, int] = (16, 32, 64, 96),
        sizes: tuple[int, ...] = (72, 36, 18, 9),
        hyper: int = 48,
    ) -> None:
        super().__init__()
        if any(a * b % GRID**2 for a, b in pairwise(sizes)):
            raise ValueError(f"the product of neighbouring sizes must divide by {GRID**2}, got {sizes}")
        self.sizes = tuple(sizes)
        self.trunk = Trunk(widths)
        each = sizes[0] // 6
        outputs = (each, each, each, sizes[0] - 3 * each)
        self.local = nn.ModuleList(LocalFeatures(width, out) for width, out in zip(widths, outputs, strict=True))
        last = widths[-1]
        self.content = nn.Sequential(
            nn.Conv2d(last, last, 1), nn.ReLU(), nn.Conv2d(last, hyper, 1), nn.ReLU(), nn.Conv2d(hyper, hyper, 1), nn.ReLU()
        )
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.weights = nn.ModuleList(nn.Conv2d(hyper, a * b // GRID**2, 3, padding=1) for a, b in pairwise(sizes))
        self.biases = nn.ModuleList(nn.Linear(hyper, b) for b in sizes[1:])
        self.last_weight = nn.Linear(hyper, sizes[-1])
        self.last_bias = nn.Linear(hyper, 1)

    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        """The uncalibrated score ``(N,)``, alone in a tuple."""
        stages = self.trunk(x)
        signal = torch.cat([module(stage) for module, stage in zip(self.local, stages, strict=True)], 1)
        content = self.pool(self.content(stages[-1]))
        summary = content.mean((2, 3))
        for generate, shift, (before, after) in zip(self.weights, self.biases, pairwise(self.sizes), strict=True):
            weight = generate(content).reshape(-1, after, before)
            signal = torch.sigmoid((weight @ signal[..., None])[..., 0] + shift(summary))
        score = (self.last_weight(summary) * signal).sum(1) + self.last_bias(summary)[:, 0]
        return (score,)


def hyperiqa(*, purify: dict[str, Any] | None = None, **arguments: Any) -> nn.Module:
    """A :class:`HyperIQA` with its convolutions in channels-last order. purify: see :func:`~zoo.quality.base.behind`."""
    return behind(channels_last(HyperIQA(**arguments)), purify)
