"""A local search over the corners of the ball by forward passes, from the best point that earlier searches have left.

The decision of a spiking network is constant on pieces of its input, and its gradient is a choice of the attacker. Where
walks along gradients have come to an end, the margin that is left is often small, and it falls by moves that no gradient
shows: this search tries many small ones. In each round it changes between 2 and ``most`` entries of the best point, in
several candidates at a time (:mod:`attacks.corner_moves`), and goes on from the best of them unless it is worse; a move that
changes nothing is made, because it leads on over level ground.

The start matters most: from the best point of ``standard`` the search broke 7 of 17 standing samples of a network where
Square, from nowhere, had broken one. Out of its scope are scores, which have no margin, and inputs that are not images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.corner_moves import MOVES, CornerMoves, drawn, most_entries
from attacks.corner_walk import Walk, best_of, by_mean, certain, look, move, numbers
from attacks.fitting import unless_images
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds, entry_for

ENTRIES = 1 << 24
"""Numbers in the candidates that are made at a time."""


@dataclass(frozen=True, kw_only=True)
class Corners(Attack):
    """Corner search in linf, and its counterpart in l2. Images ``(n, C, H, W)`` only.

    queries: forwards per sample, those of its gradients included. candidates: of a round. guided: share of them that is
    drawn by the gradient. most: the largest number of entries that a candidate changes. refresh: rounds between gradients.
    Raises ``ValueError`` for values that make no sense.
    """

    threats: ClassVar[ThreatKinds] = tuple(MOVES)
    moves_scores: ClassVar[bool] = False
    inherits: ClassVar[bool] = True
    at_first: ClassVar[int] = 2
    """Forwards before the first round."""

    queries: int = 1000
    candidates: int = 8
    guided: float = 0.5
    most: int = 100
    refresh: int = 16

    def __post_init__(self) -> None:
        least = {"queries": self.queries, "candidates": self.candidates, "most": self.most, "refresh": self.refresh}
        if wrong := [name for name, value in least.items() if value < 1]:
            raise ValueError(f"{' and '.join(wrong)} must be at least 1")
        if not 0 <= self.guided <= 1:
            raise ValueError(f"guided is a share from 0 to 1, got {self.guided}")

    @property
    def by_gradient(self) -> int:
        """Candidates of a round that are drawn by the gradient."""
        return round(self.guided * self.candidates)

    def rounds(self) -> list[tuple[int, bool]]:
        """Of each round the number of its candidates, and whether a gradient comes before it."""
        rounds: list[tuple[int, bool]] = []
        left = self.queries - self.at_first
        while left > 0:
            refreshed = bool(self.by_gradient and rounds and len(rounds) % self.refresh == 0 and left > 1)
            size = min(self.candidates, left - refreshed)
            rounds.append((size, refreshed))
            left -= size + refreshed
        return rounds

    def cost(self) -> tuple[int, int]:
        """``queries`` forwards, and the backwards of its gradients."""
        gradients = sum(refreshed for _, refreshed in self.rounds()) + 1
        return self.queries, gradients if self.by_gradient else 0

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Corners are of images: on a grid of events or on recordings the ends of an interval are no inputs."""
        return unless_images(type(self).__name__, shape)

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The candidate ``(n, C, H, W)`` of the smallest margin, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        oracle = oracle.using(objective=Margin())
        ball, moves = as_norm_ball(threat), entry_for(threat, MOVES)
        best = Best.starting_at(x)
        if not len(x):
            return best.inputs
        walk = self._begun(oracle, x, ball, moves, rng.fold("start"), best)
        for number, (size, refreshed) in enumerate(self.rounds()):
            walk = walk.only(~best.broken[walk.rows])
            if not len(walk.rows):
                break
            if refreshed:
                look(oracle, walk, best)
            self._round(oracle, walk, x, ball, moves, rng.fold("round", number), size, best)
        return best.inputs

    def _begun(self, oracle: Oracle, x: Tensor, ball: NormBall, moves: CornerMoves, rng: KeyedRng, best: Best) -> Walk:
        """At the inherited point (the clean input, if there is none) or where it is spread to, whichever is better."""
        rows = torch.arange(len(x), device=x.device)
        start = x if oracle.inherited is None else ball.project(oracle.inherited, x)
        answer = oracle.query(start, rows, grad=bool(self.by_gradient))
        best.update(start, rows, certain(answer))
        gradient = by_mean(answer.slope) if self.by_gradient else torch.zeros_like(x)
        walk = Walk(rows, start.clone(), numbers(answer.value), gradient)
        if self.queries > 1:
            walk = walk.only(~best.broken[rows])
            spread = moves.spread(walk.point, x[walk.rows], ball.rows(walk.rows), walk.gradient, rng.rows(walk.rows))
            if len(walk.rows):
                move(walk, spread, oracle.query(spread, walk.rows, grad=False), best)
        return walk

    def _round(
        self,
        oracle: Oracle,
        walk: Walk,
        x: Tensor,
        ball: NormBall,
        moves: CornerMoves,
        rng: KeyedRng,
        size: int,
        best: Best,
    ) -> None:
        """One round of ``size`` candidates per row, a few rows at a time."""
        entries = x[0].numel()
        at_once = max(1, ENTRIES // (size * entries))
        for part in torch.arange(len(walk.rows), device=x.device).split(at_once):
            here, clean = walk.only(part), x[walk.rows[part]]
            around, streams = ball.rows(here.rows), rng.rows(here.rows)
            promise = moves.promise(here.point, clean, around, here.gradient)
            guided = min(self.by_gradient, size)
            draw = drawn(promise, guided, size, most_entries(entries, self.most), streams)
            candidates = moves.moved(here.point, clean, around, here.gradient, draw, streams)
            flat = candidates.flatten(0, 1)
            answer = oracle.query(flat, here.rows.repeat_interleave(size), grad=False)
            chosen, picked = best_of(candidates, answer)
            move(here, chosen, picked, best)
            walk.point[part], walk.value[part] = here.point, here.value


@dataclass(frozen=True, kw_only=True)
class BlindCorners(Corners):
    """The corner search without any gradient, for models that have none."""

    access: ClassVar[Access] = "score"

    guided: float = field(default=0.0, init=False)
