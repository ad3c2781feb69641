"""Square attack (Andriushchenko et al., ECCV 2020): random search that needs no gradient.

Each query repaints one square, at a random place, and keeps the result if the margin rose (on a score model: the oracle's
objective). Squares shrink as the queries are spent. What a square is painted with depends on the threat: see
:mod:`attacks.square_linf` and :mod:`attacks.square_l2`. Because it never looks at a gradient, it exposes models whose
gradients are hidden: a white-box attack that does worse is not to be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.fitting import unless_images
from attacks.objectives import Classification, Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.square_l2 import chequerboard, with_a_tile
from attacks.square_linf import stripes, with_a_square
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds, entry_for

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which the share of repainted pixels halves."""


@dataclass(frozen=True)
class Moves:
    """How Square walks under one kind of threat.

    first: of images, their ball and streams, the first candidates. following: of the best candidates so far, the clean
    images, their ball, the side of the square in pixels and streams, the next candidates.
    """

    first: Callable[[Tensor, NormBall, KeyedRng], Tensor]
    following: Callable[[Tensor, Tensor, NormBall, int, KeyedRng], Tensor]


MOVES: dict[type[Threat], Moves] = {Linf: Moves(stripes, with_a_square), L2: Moves(chequerboard, with_a_tile)}
"""The moves for each kind of threat."""


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Random search over squares.

    queries: forwards per sample. share: fraction of pixels repainted at first (the paper's p).
    Images ``(n, C, H, W)`` only.
    Raises ``ValueError`` for queries below 1 and a share outside of (0, 1].
    """

    threats: ClassVar[ThreatKinds] = tuple(MOVES)
    access: ClassVar[Access] = "score"

    queries: int = 1000
    share: float = 0.8

    def __post_init__(self) -> None:
        if self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(f"queries must be at least 1 and share in (0, 1], got {self.queries} and {self.share}")

    def cost(self) -> tuple[int, int]:
        """One forward per query."""
        return self.queries, 0

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Squares are of images (C, H, W) of at least 4 x 4 pixels."""
        return unless_images(type(self).__name__, shape, least=4)

    def side(self, query: int, height: int, width: int) -> int:
        """Length of the square's side at a query, in pixels."""
        scaled = query * 10_000 // self.queries
        share = self.share / 2 ** sum(scaled > at for at in _HALVINGS)
        return min(max(round(math.sqrt(share * height * width)), 1), height - 1, width - 1)

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The candidate ``(n, C, H, W)`` of the highest objective, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        if isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        ball = as_norm_ball(threat)
        moves = entry_for(threat, MOVES)
        best = Best.starting_at(x)
        n, _, height, width = x.shape
        rows = torch.arange(n, device=x.device)
        if not n:
            return best.inputs
        candidate = moves.first(x, ball, rng)
        for query in range(self.queries):
            if query:
                rows = best.standing()
                if not len(rows):
                    break
                size = self.side(query, height, width)
                streams = rng.rows(rows).fold("square", query)
                candidate = moves.following(best.inputs[rows], x[rows], ball.rows(rows), size, streams)
            best.update(candidate, rows, oracle.query(candidate, rows, grad=False))
        return best.inputs
