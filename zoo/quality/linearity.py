"""LinearityIQA (Li et al., ACM Multimedia 2020): features of two levels, trained with the norm-in-norm loss.

The last two stages are pooled, each goes through three linear layers with BatchNorm, and there are three scores: one per
level and one of both together, which is the answer. The loss is in :mod:`zoo.defenses.norm_in_norm`. Smaller here:
the trunk (a ResNeXt-101 there) and the hidden widths.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.quality.base import QualityModel, behind, channels_last
from zoo.quality.trunk import Trunk


def _reduction(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * hidden),
        nn.BatchNorm1d(2 * hidden),
        nn.Linear(2 * hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.Linear(hidden, outputs),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class LinearityIQA(QualityModel):
    """The model of this module's docstring. Trained in batches of at least 2, because of BatchNorm on pooled features."""

    def __init__(
        self, *, widths: tuple[int, int, int, int] = (16, 32, 64, 96), hidden: int = 64, features: int = 32
    ) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.middle = _reduction(widths[2], hidden, features)
        self.top = _reduction(widths[3], hidden, features)
        self.read_middle = nn.Linear(features, 1)
        self.read_top = nn.Linear(features, 1)
        self.read_both = nn.Linear(2 * features, 1)

    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        """Uncalibrated scores ``(N,)``: of both levels together (the answer), of the middle and of the top one."""
        *_, middle, top = self.trunk(x)
        low, high = self.middle(middle.mean((2, 3))), self.top(top.mean((2, 3)))
        both = torch.cat([low, high], 1)
        return self.read_both(both)[:, 0], self.read_middle(low)[:, 0], self.read_top(high)[:, 0]


def linearity(*, purify: dict[str, Any] | None = None, **arguments: Any) -> nn.Module:
    """A :class:`LinearityIQA` with its convolutions in channels-last order. purify: see :func:`~zoo.quality.base.behind`."""
    return behind(channels_last(LinearityIQA(**arguments)), purify)
