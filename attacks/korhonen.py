"""The attack of Korhonen and You (QoEVMA 2022): the steps are large where the image is busy and small where it is smooth.

    x <- P(x + eta * a * adam(grad)),   a the spatial activity of the clean image, in [0, 1]

Their code multiplies the gradient by the map before Adam, which forgets the scale of a gradient: what is left of the map
is where it is 0. Here the step is weighted, as the paper describes it. The ball is the threat's; the paper has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from attacks.activity import spatial_activity
from attacks.adam import Moments
from attacks.best_so_far import Best
from attacks.fitting import unless_images
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.rows import places
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class Korhonen(RestartedAttack):
    """Adam weighted by spatial activity, for images ``(n, C, H, W)``. Starts at x, and restarts at random points.

    step_size: of a step at the busiest place, in input units; None means ``2.5 * eps / steps``.
    Raises ``ValueError`` for a step that is not positive.
    """

    steps: int = 20
    step_size: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size is not None and not self.step_size > 0:
            raise ValueError(f"step_size must be positive, got {self.step_size}")

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """It works on images (C, H, W) of at least 3 x 3 pixels only."""
        return unless_images(type(self).__name__, shape, least=3)

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: steps of Adam, weighted by the activity of the clean image. See the base."""
        clean, ball = x[rows], threat.rows(rows)
        adv, activity, moments = clean, spatial_activity(clean), Moments.like(clean)
        if not first or oracle.objective.flat_at_clean:
            adv = clean + activity * (ball.random(clean, rng.rows(rows)) - clean)
        for step in range(1, self.steps + 1):
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, adv, activity, moments = rows[going], clean[going], adv[going], activity[going], moments.rows(going)
            if not len(rows):
                return
            ball = threat.rows(rows)
            move = activity * moments.step(answer.slope[going], step)
            size = 2.5 * ball.radius(clean) / self.steps if self.step_size is None else self.step_size
            adv = ball.project(adv + size * ball.unit_step(move), clean)
        best.update(adv, rows, oracle.query(adv, rows, grad=False))
