"""The loop that every fixed-step gradient attack shares: FGSM, PGD and MI-FGSM are choices in it.

A sample leaves the loop as soon as it is broken, so the cost falls with the active
set. Whatever the loop does, it returns the broken iterate of a sample if it met one
and otherwise the iterate with the highest objective, so more steps or restarts never
make the result worse.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from attacks.base import Attack
from attacks.noise import uniform_in_ball
from attacks.objectives import objective_named
from attacks.oracle import Oracle
from attacks.projections import project
from attacks.randomness import KeyedRng
from attacks.targets import Target, aimed
from attacks.threat import Threat
from attacks.tracking import Best


@dataclass(frozen=True, kw_only=True)
class IterativeAttack(Attack):
    """Projected ascent along a direction made from gradients.

    steps: gradient steps per restart. step_size: in input units; None means a default of the subclass.
    restarts: independent starts; the second and later ones always start at random.
    random_start: whether the first start is uniform in the ball rather than at x.
    objective: ``ce``, ``margin`` or ``dlr``; None maximises whatever the oracle was made with.
    target: None, or how the class to aim at is chosen (see :mod:`attacks.targets`).
    keep: ``best`` as above, or ``last``, which runs all steps and returns the last iterate (textbook form).
    """

    steps: int = 10
    step_size: float | None = None
    restarts: int = 1
    random_start: bool = True
    objective: str | None = None
    target: Target | None = None
    keep: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        if self.steps < 0 or self.restarts < 1:
            raise ValueError(f"steps must be at least 0 and restarts at least 1, got {self.steps} and {self.restarts}")
        if self.step_size is not None and not self.step_size > 0:
            raise ValueError(f"step_size must be positive, got {self.step_size}")
        if self.objective is not None:
            objective_named(self.objective)

    @abstractmethod
    def direction(self, gradient: Tensor, momentum: Tensor, threat: Threat) -> tuple[Tensor, Tensor]:
        """(unit step, new momentum) for rows ``(n, ...)``."""

    def default_step(self, eps: Tensor) -> Tensor:
        """Step size where none was given, from eps shaped ``(n, 1, ..., 1)``."""
        return 2.5 * eps / max(self.steps, 1)

    def cost(self) -> tuple[int, int]:
        choosing = 0 if self.target is None else 1
        return self.restarts * (self.steps + 1) + choosing, self.restarts * self.steps

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.check(threat)
        if self.objective is not None:
            oracle = oracle.using(objective=objective_named(self.objective))
        oracle = aimed(oracle, self.target, x, rng)
        best = Best.starting_at(x)
        for restart in range(self.restarts):
            rows = best.standing() if self.keep == "best" else torch.arange(len(x), device=x.device)
            if not len(rows):
                break
            self._one_start(oracle, x, threat, rng.fold("start", restart), restart, rows, best)
        return best.inputs

    def _one_start(
        self, oracle: Oracle, x: Tensor, threat: Threat, rng: KeyedRng, restart: int, rows: Tensor, best: Best
    ) -> None:
        oracle.forget(rows)
        clean, ball = x[rows], threat.rows(rows)
        adv = clean
        if self.random_start or restart:
            adv = uniform_in_ball(clean, ball, rng.rows(rows))
        momentum = torch.zeros_like(clean)
        for _ in range(self.steps):
            answer = oracle.query(adv, rows, grad=True)
            if self.keep == "best":
                best.update(adv, rows, answer)
                going = ~answer.broken
                rows, clean, adv, momentum = rows[going], clean[going], adv[going], momentum[going]
                gradient, ball = answer.slope[going], threat.rows(rows)
                if not len(rows):
                    return
            else:
                gradient = answer.slope
            step, momentum = self.direction(gradient, momentum, ball)
            size = self.default_step(ball.radius(clean)) if self.step_size is None else self.step_size
            adv = project(adv + size * step, clean, ball)
        if self.keep == "best":
            best.update(adv, rows, oracle.query(adv, rows, grad=False))
        else:
            best.inputs[rows] = adv
