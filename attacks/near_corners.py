"""The corner search that learns, begun again: it stays with the samples that are near.

Where a first search has ended, what still falls is near: on snn_mpd_sgr_at, of 72 validation images that stand, some thirty
searches broke nine, all within 28% of their clean margin, eight within 15%. Each search breaks about half of them, and not
the same half, because its moves are drawn anew and it learns anew. So a search is worth repeating, and a near sample is
worth all of its forwards, though it may not have come nearer for hundreds: margins of spiking networks are level over long
stretches. Three of these searches broke all nine, three of the base six, and plain corners of 2,500 forwards two to four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.corner_walk import Walk, numbers
from attacks.learning_corners import LearningCorners, Start
from attacks.oracle import Oracle


@dataclass(frozen=True, kw_only=True)
class NearCorners(LearningCorners):
    """As its base, but a row may only be given up after a number of forwards that grows as its margin shrinks.

    near: a row whose margin is this share of its clean margin, or less, is never given up; one whose share is k times that
    may be after a k-th of ``queries``. patience: but not before so many forwards. All other parameters: see the base.
    Raises ``ValueError`` for values that make no sense.
    """

    at_first: ClassVar[int] = 3

    queries: int = 3000
    patience: int = 300
    near: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.near <= 1:
            raise ValueError(f"near is a share from 0 to 1, got {self.near}")

    def _start(self, oracle: Oracle, x: Tensor, walk: Walk) -> Start:
        if self.queries < self.at_first or not len(walk.rows):
            return super()._start(oracle, x, walk)
        clean = oracle.query(x[walk.rows], walk.rows, grad=False)
        return Start(walk.value, numbers(clean.value))

    def _allowed(self, start: Start, value: Tensor) -> Tensor:
        of_near = self.queries * self.near * (start.clean / value)
        return torch.where(of_near.isnan(), 0, of_near).clamp(self.patience, max(self.queries, self.patience))
