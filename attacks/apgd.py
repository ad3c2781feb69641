"""Auto-PGD (Croce and Hein, ICML 2020): PGD with momentum whose step size halves when it stops helping.

    z = P(x_k + eta * s(grad)),   x_{k+1} = P(x_k + a (z - x_k) + (1 - a) (x_k - x_{k-1})),   a = 0.75

At each checkpoint the step of a sample is halved, and its search goes on from its best point, if fewer than
``rho`` of the steps since the last one raised the objective, or if neither step nor best value has changed since.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.checkpoints import checkpoints
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.rows import per_row, places
from attacks.threats.norm_ball import NormBall


@dataclass
class _Walk:
    """Where each row of the active set is. All tensors have one entry per row."""

    rows: Tensor
    clean: Tensor
    x: Tensor
    before: Tensor
    gradient: Tensor
    value: Tensor
    best_x: Tensor
    best_gradient: Tensor
    best_value: Tensor
    step: Tensor
    rises: Tensor
    best_at_check: Tensor
    halved: Tensor

    def keep(self, going: Tensor) -> None:
        """Drop the rows that are not ``going`` ``(n,)`` bool."""
        kept = places(going)
        if len(kept) < len(going):
            for name, tensor in vars(self).items():
                setattr(self, name, tensor[kept])


@dataclass(frozen=True, kw_only=True)
class APGD(RestartedAttack):
    """Parameter-free PGD from random starts.

    rho: share of rising steps below which the step is halved.
    Raises ``ValueError`` for a rho outside of [0, 1].
    """

    steps: int = 50
    rho: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rho <= 1:
            raise ValueError(f"rho must lie in [0, 1], got {self.rho}")

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: ``steps`` steps, each row with a step size of its own. See the base."""
        start = self.start(oracle, x, threat, rng, rows, best, first=first)
        if self.steps == 0:
            best.update(start, rows, oracle.query(start, rows, grad=False))
            return
        walk = self._begin(oracle, x, threat, start, rows, best)
        checks = checkpoints(self.steps)
        last_check = 0
        for k in range(1, self.steps + 1):
            if not len(walk.rows):
                return
            moved = self._moved(walk, threat.rows(walk.rows), momentum=k > 1)
            walk.before, walk.x = walk.x, moved
            answer = oracle.query(moved, walk.rows, grad=k < self.steps)
            best.update(moved, walk.rows, answer)
            if k == self.steps:
                return
            self._note(walk, answer.value, answer.slope)
            walk.keep(~answer.broken)
            if k in checks:
                self._reconsider(walk, k - last_check)
                last_check = k

    @property
    def longest_step(self) -> float:
        """The first step of a walk, in radii."""
        return 2.0

    def start(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> Tensor:
        """Where the walk of ``rows`` ``(m,)`` of ``x`` begins, ``(m, ...)``: a random point of the ball."""
        return threat.rows(rows).random(x[rows], rng.rows(rows))

    def _begin(self, oracle: Oracle, x: Tensor, threat: NormBall, start: Tensor, rows: Tensor, best: Best) -> _Walk:
        answer = oracle.query(start, rows, grad=True)
        best.update(start, rows, answer)
        value, gradient = answer.value, answer.slope
        step = self.longest_step * threat.rows(rows).radius(start).flatten()
        never = torch.zeros_like(answer.broken)
        walk = _Walk(
            rows, x[rows], start, start, gradient, value, start, gradient, value, step, torch.zeros_like(rows), value, never
        )
        walk.keep(~answer.broken)
        return walk

    @staticmethod
    def _moved(walk: _Walk, threat: NormBall, *, momentum: bool) -> Tensor:
        z = threat.project(walk.x + per_row(walk.step, walk.x) * threat.steepest(walk.gradient), walk.clean)
        if not momentum:
            return z
        return threat.project(walk.x + 0.75 * (z - walk.x) + 0.25 * (walk.x - walk.before), walk.clean)

    @staticmethod
    def _note(walk: _Walk, value: Tensor, gradient: Tensor) -> None:
        walk.rises = walk.rises + (value > walk.value)
        walk.value, walk.gradient = value, gradient
        better = value > walk.best_value
        wide = per_row(better, walk.x)
        walk.best_x = torch.where(wide, walk.x, walk.best_x)
        walk.best_gradient = torch.where(wide, gradient, walk.best_gradient)
        walk.best_value = torch.where(better, value, walk.best_value)

    def _reconsider(self, walk: _Walk, since: int) -> None:
        stuck = ~walk.halved & (walk.best_value <= walk.best_at_check)
        halve = (walk.rises < self.rho * since) | stuck
        walk.step = torch.where(halve, walk.step / 2, walk.step)
        wide = per_row(halve, walk.x)
        walk.x = torch.where(wide, walk.best_x, walk.x)
        walk.before = torch.where(wide, walk.best_x, walk.before)
        walk.gradient = torch.where(wide, walk.best_gradient, walk.gradient)
        walk.value = torch.where(halve, walk.best_value, walk.value)
        walk.rises = torch.zeros_like(walk.rises)
        walk.halved, walk.best_at_check = halve, walk.best_value
