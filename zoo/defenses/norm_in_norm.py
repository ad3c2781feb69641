"""Norm-in-norm loss (Li, Jiang and Jiang, ACM Multimedia 2020), which rewards a linear relation of scores and labels.

Both are centred and divided by their norm over the batch, and the loss is the distance between the results:

    a = (f - mean f) / |f - mean f|_q,  b = (y - mean y) / |y - mean y|_q,  loss = |a - b|_p^p / scale

with p = 1, q = 2 and ``scale = 2 sqrt(n)``, an upper bound of the distance. Mean and norm are differentiated through.
The loss does not change when the scores are shifted or scaled: the calibration sets both afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from zoo.defenses.regression import ScoreLoss

TINY = 1e-8


def norm_in_norm(scores: Tensor, y: Tensor) -> Tensor:
    """The scalar loss for p = 1, q = 2, in [0, 1]. scores, y: ``(n,)``. Raises ``ValueError`` if n is below 2."""
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
        """Norm-in-norm loss, a scalar, of scores ``(n,)`` against labels ``(n,)``."""
        return norm_in_norm(scores, y)

    def combined(self, levels: tuple[Tensor, ...], y: Tensor) -> Tensor:
        """Weighted sum, a scalar, of the losses of all levels, ``(n,)`` each, against labels ``(n,)``."""
        answer, *others = (self.fit(level, y) for level in levels)
        return answer + self.level_weight * sum(others, torch.zeros_like(answer))
