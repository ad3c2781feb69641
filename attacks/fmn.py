"""FMN, fast minimum norm (Pintor et al., NeurIPS 2021), linf and l2.

The radius of the ball around the clean input is itself adapted: it shrinks by a share gamma while the iterate is
adversarial and grows while it is not, and the iterate follows the gradient of the margin inside it:

    eps <- min(eps (1 - gamma), best norm)  if adversarial,   eps (1 + gamma)  if it once was,
           (|delta| + |margin| / |gradient|_dual) (1 + gamma)  before: the distance to the linearised boundary
    delta <- project(delta + alpha g / |g|_2, eps),   alpha and gamma on a cosine schedule

The paper has no (1 + gamma) in the last case; without it the iterate lands on the boundary of a piecewise linear
model to the last bit, and rounding decides whether it is ever adversarial (on a linear model, 1 row of 5 never was).

A row's first radius and all that follow come from its own history, so rows do not influence each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.minimal import MinimalAttack
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.l2 import L2
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat

_LAST_GAMMA = 0.001


@dataclass(frozen=True, kw_only=True)
class FMN(MinimalAttack):
    """Minimal-norm attack that adapts the radius of its own ball.

    steps: gradients per sample. step_size: l2 length of the first step, in input units; the last is a hundredth of it.
    gamma: by which share the radius changes at first.
    Raises ``ValueError`` for steps below 1, a step that is not positive, and a gamma outside of (0, 1).
    """

    steps: int = 100
    step_size: float = 1.0
    gamma: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.step_size > 0 or not 0 < self.gamma < 1:
            raise ValueError(
                "steps must be at least 1, step_size positive and gamma in (0, 1), "
                f"got {self.steps}, {self.step_size} and {self.gamma}"
            )

    def cost(self) -> tuple[int, int]:
        """One gradient per step."""
        return self.steps, self.steps

    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The nearest iterate ``(n, ...)`` that was misclassified, or the clean input. See the base."""
        rows = torch.arange(len(x), device=x.device)
        if not len(x):
            return x
        oracle = oracle.using(objective=Margin())
        ball, sphere = as_norm_ball(threat), L2(eps=1.0)
        furthest = ball.furthest(x)
        adv, best, shortest = x, x, torch.full_like(furthest, torch.inf)
        radius = torch.full_like(furthest, torch.inf)
        for step in range(self.steps):
            answer = oracle.query(adv, rows, grad=True)
            # With a stochastic model nothing is ever called broken; a margin above zero (on average) says it as well.
            fooled = answer.broken | (answer.value > 0)
            length = ball.distance(adv, x)
            better = fooled & (length < shortest)
            best, shortest = torch.where(per_row(better, x), adv, best), torch.where(better, length, shortest)
            warm = (1 + math.cos(math.pi * step / self.steps)) / 2
            gamma = _LAST_GAMMA + (self.gamma - _LAST_GAMMA) * warm
            radius = _radius(radius, answer.value, answer.slope, length, fooled, shortest, gamma, ball)
            radius = torch.minimum(radius, furthest)
            size = self.step_size * (0.01 + 0.99 * warm)
            adv = ball.with_radius(radius).project(adv + size * sphere.steepest(answer.slope), x)
        return best


def _radius(
    radius: Tensor,
    margin: Tensor,
    gradient: Tensor,
    length: Tensor,
    fooled: Tensor,
    shortest: Tensor,
    gamma: float,
    ball: NormBall,
) -> Tensor:
    """The next radius of each row ``(n,)``. shortest: norm of the best so far, infinite where there is none."""
    dual = ball.dual_norm(gradient)
    # A row without a gradient has no linearised boundary: its ball is then the whole box.
    linear = torch.where(dual > 0, (length + margin.abs() / dual) * (1 + gamma), torch.inf)
    never = shortest.isinf()
    standing = torch.where(never, linear, radius * (1 + gamma))
    return torch.where(fooled, torch.minimum(radius * (1 - gamma), shortest), standing)
