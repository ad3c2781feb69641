"""Square attack (Andriushchenko et al., ECCV 2020): random search that needs no gradient.

In linf it starts from vertical stripes of +-eps. Each query repaints one square, at a random place, with +-2 eps per
channel, projects, and keeps the result if the margin rose (on a score model: the oracle's objective). In l2 the moves are
those of :mod:`attacks.square_l2`. Squares shrink as the queries are spent. Because it never looks at a gradient, it
exposes models whose gradients are hidden: a white-box attack that does worse is not to be trusted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Access, Attack
from attacks.objectives import Classification, Margin
from attacks.oracle import Oracle
from attacks.projections import project
from attacks.randomness import KeyedRng
from attacks.square_l2 import first_guess, repainted
from attacks.threat import Threat
from attacks.tracking import Best

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which the share of repainted pixels halves."""


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Random search over squares.

    queries: forwards per sample. share: fraction of pixels repainted at first (the paper's p).
    Images ``(n, C, H, W)`` only.
    """

    access: ClassVar[Access] = "score"

    queries: int = 1000
    share: float = 0.8

    def __post_init__(self) -> None:
        if self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(f"queries must be at least 1 and share in (0, 1], got {self.queries} and {self.share}")

    def cost(self) -> tuple[int, int]:
        return self.queries, 0

    def side(self, query: int, height: int, width: int) -> int:
        """Length of the square's side at a query, in pixels."""
        scaled = query * 10_000 // self.queries
        share = self.share / 2 ** sum(scaled > at for at in _HALVINGS)
        return min(max(round(math.sqrt(share * height * width)), 1), height - 1, width - 1)

    def first(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """The first candidate for images ``(n, C, H, W)``."""
        if threat.norm == "l2":
            return first_guess(x, threat, rng.fold("tiles"))
        stripes = rng.fold("stripes").uniform(x.shape[1], 1, x.shape[3]).to(x).sub(0.5).sign()
        return project(x + threat.radius(x) * stripes, x, threat)

    def move(self, adv: Tensor, x: Tensor, threat: Threat, size: int, rng: KeyedRng) -> Tensor:
        """The candidate that follows ``adv`` ``(n, C, H, W)``, the best so far."""
        if threat.norm == "l2":
            # Odd and at least 3, so that a tile has a middle; a window is smaller than the image.
            odd = max(size + 1 - size % 2, 3)
            return repainted(adv, x, threat, min(odd, (min(x.shape[2:]) - 1) // 2 * 2 + 1), rng)
        return project(adv + 2 * threat.radius(x) * _patch(x, size, rng), x, threat)

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.check(threat)
        if x.dim() != 4 or min(x.shape[2:]) < 4:
            raise ValueError(f"Square needs images (n, C, H, W) of at least 4 x 4 pixels, got {tuple(x.shape)}")
        if isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        best = Best.starting_at(x)
        n, _, height, width = x.shape
        rows = torch.arange(n, device=x.device)
        if not n:
            return best.inputs
        candidate = self.first(x, threat, rng)
        for query in range(self.queries):
            if query:
                rows = best.standing()
                if not len(rows):
                    break
                size = self.side(query, height, width)
                candidate = self.move(
                    best.inputs[rows], x[rows], threat.rows(rows), size, rng.rows(rows).fold("square", query)
                )
            best.update(candidate, rows, oracle.query(candidate, rows, grad=False))
        return best.inputs


def _patch(x: Tensor, size: int, rng: KeyedRng) -> Tensor:
    """One square of side ``size`` per row, +1 or -1 per channel inside, 0 outside; shaped like ``x``."""
    _, channels, height, width = x.shape
    top = rng.fold("row").integers(height - size + 1)[:, None]
    left = rng.fold("column").integers(width - size + 1)[:, None]
    vertical, horizontal = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
    inside_rows = (vertical >= top) & (vertical < top + size)
    inside_columns = (horizontal >= left) & (horizontal < left + size)
    sign = rng.fold("sign").uniform(channels, 1, 1).to(x).sub(0.5).sign()
    return sign * (inside_rows[:, None, :, None] & inside_columns[:, None, None, :]).to(x)
