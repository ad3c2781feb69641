"""Norm-in-norm loss (Li, Jiang and Jiang, ACM Multimedia 2020), which wants scores and labels in a linear relation.

Both are centred and divided by their norm over the batch, and the distance is taken between what is left:

    a = (f - mean f) / |f - mean f|_q,  b = (y - mean y) / |y - mean y|_q,  loss = |a - b|_p^p / scale

with p = 1, q = 2 and ``scale = 2 sqrt(n)``, an upper bound of the distance. Mean and norm are differentiated through.
The loss does not change when the scores are shifted or scaled: calibration has to settle both afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from zoo.defenses.regression import ScoreLoss

TINY = 1e-8


def norm_in_norm(scores: Tensor, y: Tensor) -> Tensor:
    """The scalar loss for p = 1, q = 2, in [0, 1]. scores, y: ``(n,)``, n at least 2."""
    if len(scores) < 2:
        raise ValueError(f"the norm-in-norm loss needs at least 2 images in a batch, got {len(scores)}")
    distance: Tensor = (_standard(scores) - _standard(y)).abs().sum() / (2 * len(scores) ** 0.5)
    return distance


def _standard(values: Tensor) -> Tensor:
    centred = values - values.mean()
    standard: Tensor = centred / torch.linalg.vector_norm(centred).clamp_min(TINY)
    return standard


@dataclass(frozen=True, kw_only=True)
class NormInNorm(ScoreLoss):
    """Norm-in-norm loss of the answer plus ``level_weight`` times that of every other level."""

    unscaled: ClassVar[bool] = True

    level_weight: float = 0.1

    def fit(self, scores: Tensor, y: Tensor) -> Tensor:
        return norm_in_norm(scores, y)

    def combined(self, levels: tuple[Tensor, ...], y: Tensor) -> Tensor:
        answer, *others = (self.fit(level, y) for level in levels)
        return answer + self.level_weight * sum(others, torch.zeros_like(answer))
