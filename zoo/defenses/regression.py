"""No defense, for score models: a distance between scores and labels, averaged over the batch."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.base import Defense
from zoo.quality.base import QualityModel


@dataclass(frozen=True, kw_only=True)
class ScoreLoss(Defense):
    """A loss between all the scores a quality model gives and the labels.

    unscaled: whether the loss leaves the scale of the scores open.
    """

    unscaled: ClassVar[bool]

    @abstractmethod
    def fit(self, scores: Tensor, y: Tensor) -> Tensor:
        """Scalar loss of scores ``(n,)`` against labels ``(n,)``."""

    def combined(self, levels: tuple[Tensor, ...], y: Tensor) -> Tensor:
        """Scalar loss of all levels, ``(n,)`` each, against labels ``(n,)``; here of the answer alone, which comes first."""
        return self.fit(levels[0], y)

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Scalar loss of all levels, and the scores ``(n,)`` of ``x`` ``(n, C, H, W)``."""
        levels = levels_of(model, x)
        return self.combined(levels, y), levels[0]


@dataclass(frozen=True, kw_only=True)
class Regression(ScoreLoss):
    """``distance(f(x), y)``: ``l1`` (as HyperIQA trains), ``l2`` (DBCNN, MANIQA), or ``huber`` with its bend at 0.1."""

    unscaled: ClassVar[bool] = False

    distance: Literal["l1", "l2", "huber"] = "l1"

    def __post_init__(self) -> None:
        if self.distance not in ("l1", "l2", "huber"):
            raise ValueError(f"unknown distance {self.distance!r}; known: l1, l2, huber")

    def fit(self, scores: Tensor, y: Tensor) -> Tensor:
        """Mean distance, a scalar, of scores ``(n,)`` and labels ``(n,)``."""
        if self.distance == "l1":
            return F.l1_loss(scores, y)
        return F.mse_loss(scores, y) if self.distance == "l2" else F.huber_loss(scores, y, delta=0.1)


def levels_of(model: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """All scores of a quality model, each ``(n,)``, the answer first; of any other model, its output."""
    return model.levels(x) if isinstance(model, QualityModel) else (model(x),)
