"""SA-PGD (arXiv 2512.22522): an adaptive step for the noisy gradients of spiking networks.

Gradients are divided by their mean magnitude g' = g / mean|g| and averaged, with their squares, over the
steps; both averages start at the first value. The step is the ratio, clipped at eta per entry:

    m <- 0.5 m + g',   q <- 0.8 q + g^2 / mean(g^2),   x <- P(x + clip(eta m / sqrt(q), -eta, eta))

eta starts at eps and halves at every checkpoint of APGD's schedule. With fewer than about 50 steps these
lie so close that the step collapses; 100 is the paper's number. linf only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.checkpoints import checkpoints
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.rows import per_row, places
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall
from attacks.threats.threat import ThreatKinds


@dataclass(frozen=True, kw_only=True)
class SAPGD(RestartedAttack):
    """Adaptive-step PGD of the ASSG paper, from random starts scaled to the surface of the ball."""

    threats: ClassVar[ThreatKinds] = (Linf,)

    steps: int = 100

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one random start: ``steps`` steps of an adaptive size. See the base."""
        clean, ball = x[rows], threat.rows(rows)
        adv = on_the_surface(clean, ball, rng.rows(rows))
        eta = ball.radius(clean)
        average = squares = torch.zeros_like(clean)
        halve_at = checkpoints(self.steps)
        for k in range(1, self.steps + 1):
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, adv, eta, average, squares = (t[going] for t in (rows, clean, adv, eta, average, squares))
            if not len(rows):
                return
            gradient = answer.slope[going]
            average = 0.5 * average + _by_mean(gradient)
            squares = 0.8 * squares + _by_mean(gradient.square())
            ratio = average / squares.sqrt().clamp_min(torch.finfo(average.dtype).tiny)
            adv = threat.rows(rows).project(adv + (eta * ratio).clamp(-eta, eta), clean)
            if k in halve_at:
                eta = eta / 2
        best.update(adv, rows, oracle.query(adv, rows, grad=False))


def on_the_surface(x: Tensor, threat: NormBall, rng: KeyedRng) -> Tensor:
    """``x`` ``(n, ...)`` plus uniform noise, scaled so that its largest entry is eps, then projected into the box."""
    noise = 2 * rng.uniform(*x.shape[1:]).to(x) - 1
    largest = per_row(noise.abs().flatten(1).amax(1), x)
    return threat.project(x + threat.radius(x) * noise / largest, x)


def _by_mean(values: Tensor) -> Tensor:
    """Each row divided by its mean magnitude; a row of zeros stays zero."""
    mean = per_row(values.abs().flatten(1).mean(1), values)
    return values / mean.clamp_min(torch.finfo(values.dtype).tiny)
