"""An attack by maximum differentiation (Wang and Simoncelli, Journal of Vision 2008), as the MSU benchmark has it.

It looks for images that a mean squared error cannot tell apart and the model scores differently. Each step leaves out what
would only change the error:

    x' <- P(B(x' + eta * s(g - (g . d) / (d . d) d))),   d = x' - x

with g the gradient of the objective, d the direction in which the squared error to the clean image x grows, and s the
steepest direction of the threat (in linf the sign). Where the root of the mean squared error exceeds ``rmse``, B goes back
along d to where it is ``rmse``; the benchmark goes back as well, by how much is not known to us. P is the projection onto
the threat's ball, which the benchmark lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.rows import per_row, places
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class MADC(RestartedAttack):
    """Ascent across the gradient of the mean squared error. Starts at x, and restarts at random points.

    step_size: in input units; None means ``2.5 * eps / steps``. rmse: the largest root mean squared error, in input units.
    Raises ``ValueError`` for a step or an error that is not positive.
    """

    steps: int = 8
    step_size: float | None = None
    rmse: float = 10 / 255

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size is not None and not self.step_size > 0:
            raise ValueError(f"step_size must be positive, got {self.step_size}")
        if not self.rmse > 0:
            raise ValueError(f"rmse must be positive, got {self.rmse}")

    def within(self, adv: Tensor, clean: Tensor) -> Tensor:
        """``adv`` ``(n, ...)``, brought back towards ``clean`` where its root mean squared error exceeds ``rmse``."""
        change = adv - clean
        size = change.flatten(1).square().mean(1).sqrt().clamp_min(torch.finfo(adv.dtype).tiny)
        return clean + per_row((self.rmse / size).clamp_max(1.0), change) * change

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: steps that leave the squared error as it is, to first order. See the base."""
        clean, ball = x[rows], threat.rows(rows)
        adv = clean
        if not first or oracle.objective.flat_at_clean:
            adv = ball.project(self.within(ball.random(clean, rng.rows(rows)), clean), clean)
        for _ in range(self.steps):
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, adv, gradient = rows[going], clean[going], adv[going], answer.slope[going]
            if not len(rows):
                return
            ball = threat.rows(rows)
            size = 2.5 * ball.radius(clean) / self.steps if self.step_size is None else self.step_size
            moved = adv + size * ball.steepest(across(gradient, adv - clean))
            adv = ball.project(self.within(moved, clean), clean)
        best.update(adv, rows, oracle.query(adv, rows, grad=False))


def across(gradient: Tensor, change: Tensor) -> Tensor:
    """``gradient`` ``(n, ...)`` without its component along ``change`` of the same shape; as it is where that is zero."""
    flat, along = gradient.flatten(1), change.flatten(1)
    length = along.square().sum(1).clamp_min(torch.finfo(gradient.dtype).tiny)
    return gradient - per_row((flat * along).sum(1) / length, gradient) * change
