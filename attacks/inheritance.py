"""What the stages of an attack set hand down: of each sample the point that is nearest to breaking it, or moved it farthest.

A stage that begins anew throws away what the stages before have reached. Points are handed down in 255 levels of a
perturbation's largest entry: that is all the precision a start needs, a corner of a linf ball stays one, and a point takes a
quarter of its bytes where it is stored or sent. Whoever runs a set, in one process or in many, hands down the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.rows import per_row
from attacks.threats.threat import Threat

LEVELS = 127
"""Levels on each side of 0."""


@dataclass(frozen=True)
class Levels:
    """Perturbations in levels. steps: int8 ``(n, ...)``; largest: size of the largest entry of each row, ``(n,)``."""

    steps: Tensor
    largest: Tensor

    @classmethod
    def of(cls, points: Tensor, x: Tensor) -> Levels:
        """The perturbations of ``points`` around ``x``, both ``(n, ...)``."""
        delta = points - x
        largest = delta.flatten(1).abs().amax(1)
        unit = delta / per_row(largest, x).clamp_min(torch.finfo(x.dtype).tiny)
        return cls((unit * LEVELS).round().to(torch.int8), largest)

    def points(self, x: Tensor, threat: Threat) -> Tensor:
        """The points ``(n, ...)`` around ``x`` ``(n, ...)``, in ball and box."""
        return threat.project(x + self.steps.to(x) / LEVELS * per_row(self.largest.to(x), x), x)


@dataclass
class Reached:
    """The best points so far. points: ``(n, ...)``, the clean input at first; margin: ``(n,)``, minus infinity at first.

    A margin is negative while the sample stands, and the larger, the nearer it is to being broken. On a model that scores
    it is what the attack maximises.
    """

    points: Tensor
    margin: Tensor

    @classmethod
    def nothing(cls, x: Tensor) -> Reached:
        """Before any stage, for clean inputs ``x`` ``(n, ...)``."""
        return cls(x.clone(), torch.full((len(x),), -torch.inf, dtype=torch.float64, device=x.device))

    def better(self, margin: Tensor, rows: Tensor) -> Tensor:
        """``(m,)`` bool: which of the ``margin`` ``(m,)`` lie above those of their ``rows`` ``(m,)``. NaN never does."""
        return margin.double() > self.margin[rows]

    def take(self, levels: Levels, margin: Tensor, rows: Tensor, x: Tensor, threat: Threat) -> None:
        """Keep the points of ``levels`` with their ``margin`` ``(m,)`` for ``rows`` ``(m,)``. x, threat: of all rows."""
        self.points[rows] = levels.points(x[rows], threat.rows(rows))
        self.margin[rows] = margin.double()
