"""The loop that every fixed-step gradient attack shares: FGSM, PGD and MI-FGSM are choices in it.

A sample leaves the loop as soon as it is broken, so that the cost falls with the active set. The loop returns the first
broken iterate of a sample if there is one and otherwise the iterate with the highest objective, so that more steps or
restarts never make the result worse.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.rows import places
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class IterativeAttack(RestartedAttack):
    """Projected ascent along a direction made from gradients, with steps of one size.

    step_size: in input units; None means a default of the subclass.
    random_start: whether the first start is uniform in the ball rather than at x; later ones always are, and every start
        is for an objective whose gradient at x is 0.
    keep: ``best`` as above, or ``last``, which runs all steps and returns the last iterate (textbook form).
    Raises ``ValueError`` for a step that is not positive.
    """

    step_size: float | None = None
    random_start: bool = True
    keep: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size is not None and not self.step_size > 0:
            raise ValueError(f"step_size must be positive, got {self.step_size}")

    @abstractmethod
    def direction(self, gradient: Tensor, momentum: Tensor, threat: NormBall) -> tuple[Tensor, Tensor]:
        """(unit step, new momentum) for rows ``(n, ...)``."""

    def default_step(self, eps: Tensor) -> Tensor:
        """Step size where none was given, from eps shaped ``(n, 1, ..., 1)``."""
        return 2.5 * eps / max(self.steps, 1)

    def going_on(self, best: Best) -> Tensor:
        """Rows that stand; with ``keep="last"`` all of them, ``(m,)``."""
        return best.standing() if self.keep == "best" else torch.arange(len(best.inputs), device=best.inputs.device)

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: ``steps`` steps along :meth:`direction`. See the base."""
        clean, ball = x[rows], threat.rows(rows)
        adv = clean
        if self.random_start or not first or oracle.objective.flat_at_clean:
            adv = ball.random(clean, rng.rows(rows))
        momentum = torch.zeros_like(clean)
        for _ in range(self.steps):
            answer = oracle.query(adv, rows, grad=True)
            if self.keep == "best":
                best.update(adv, rows, answer)
                going, gradient = places(~answer.broken), answer.slope
                if len(going) < len(rows):
                    rows, clean, adv, momentum = rows[going], clean[going], adv[going], momentum[going]
                    gradient, ball = gradient[going], threat.rows(rows)
                if not len(rows):
                    return
            else:
                gradient = answer.slope
            step, momentum = self.direction(gradient, momentum, ball)
            size = self.default_step(ball.radius(clean)) if self.step_size is None else self.step_size
            adv = ball.project(adv + size * step, clean)
        if self.keep == "best":
            best.update(adv, rows, oracle.query(adv, rows, grad=False))
        else:
            best.inputs[rows] = adv
