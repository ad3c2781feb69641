"""The perceptual attack of Zhang et al. (NeurIPS 2022): a full-reference measure in the objective keeps changes unseen.

    maximise  value(x') + weight * likeness(x', x)

by Adam on gradients of unit length, with ``value`` the objective of the attack and ``likeness`` SSIM, or minus the mean
squared error of the perturbation in units of eps. The paper has no ball; here the result stays in the threat's as well.

With ``likeness="haar"`` it keeps low frequencies, as SSAH (Luo et al., CVPR 2022) in the MSU benchmark: minus the smooth L1
distance, summed over entries, of the low-pass bands of one step of the Haar transform. The weight there is 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, smooth_l1_loss

from attacks.adam import Moments
from attacks.best_so_far import Best
from attacks.fitting import unless_images
from attacks.oracle import Answer, Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import RestartedAttack
from attacks.ssim import ssim
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class Perceptual(RestartedAttack):
    """Adam on an objective and a likeness, for images ``(n, C, H, W)``.

    weight: how much of the objective (score units, or nats) one unit of likeness is worth; with 0 the
    likeness does not count.
    likeness: ``ssim`` (on images smaller than its window of 11, a smaller window), ``mse`` or ``haar``.
    step_size: per entry, in input units; None means ``2.5 * eps / steps``.
    The point returned is the one with the highest sum, or the first that broke a classifier.
    Raises ``ValueError`` for a step that is not positive and a weight that is negative or not finite.
    """

    steps: int = 50
    weight: float = 1.0
    likeness: Literal["ssim", "mse", "haar"] = "ssim"
    step_size: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size is not None and not self.step_size > 0:
            raise ValueError(f"step_size must be positive, got {self.step_size}")
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight must be finite and not negative, got {self.weight}")

    def likeness_to(self, adv: Tensor, x: Tensor, threat: NormBall) -> Tensor:
        """Likeness ``(n,)`` of images ``(n, C, H, W)``, at most 1 (ssim) or 0 (mse, haar), where they are equal."""
        if self.likeness == "ssim":
            side = min(11, *x.shape[2:])
            return ssim(adv, x, window=side - 1 + side % 2)
        if self.likeness == "haar":
            return -smooth_l1_loss(low_band(adv), low_band(x), reduction="none").flatten(1).sum(1)
        unit = threat.radius(x).clamp_min(torch.finfo(x.dtype).tiny)
        return -threat.squared_size((adv - x) / unit)

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """It works on images (C, H, W) only, with ``haar`` of at least 2 x 2 pixels."""
        return unless_images(type(self).__name__, shape, least=2 if self.likeness == "haar" else 1)

    def walk(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: steps of Adam on objective plus likeness. See the base."""
        clean, ball = x[rows], threat.rows(rows)
        # Where a deviation is flat: a tenth of the radius away, about the one grey level of the paper at 8/255.
        reach = 0.1 if first else 1.0
        adv = clean
        if not first or oracle.objective.flat_at_clean:
            adv = clean + reach * (ball.random(clean, rng.rows(rows)) - clean)
        moments = Moments.like(clean)
        for step in range(1, self.steps + 1):
            answer, slope = self._query(oracle, adv, clean, ball, rows, grad=True)
            best.update(adv, rows, answer)
            going = ~answer.broken
            rows, clean, adv, slope, moments = rows[going], clean[going], adv[going], slope[going], moments.rows(going)
            if not len(rows):
                return
            ball = threat.rows(rows)
            move = moments.step(slope, step)
            size = 2.5 * ball.radius(clean) / self.steps if self.step_size is None else self.step_size
            adv = ball.project(adv + size * ball.unit_step(move), clean)
        best.update(adv, rows, self._query(oracle, adv, clean, ball, rows, grad=False)[0])

    def _query(
        self, oracle: Oracle, adv: Tensor, clean: Tensor, ball: NormBall, rows: Tensor, *, grad: bool
    ) -> tuple[Answer, Tensor]:
        """The oracle's answer with the likeness added to its value, and the gradient of the sum (zeros if not asked for)."""
        answer = oracle.query(adv, rows, grad=grad)
        with torch.set_grad_enabled(grad):
            leaf = adv.detach().requires_grad_(grad)
            bonus = self.weight * self.likeness_to(leaf, clean, ball)
        slope = torch.zeros_like(adv)
        if grad:
            (own,) = torch.autograd.grad(bonus.sum(), leaf)
            slope = answer.slope + own
        return Answer(answer.value + bonus.detach(), None, answer.broken), slope


def low_band(images: Tensor) -> Tensor:
    """The low-pass band ``(n, C, H // 2, W // 2)`` of one step of the orthonormal Haar transform of ``(n, C, H, W)``."""
    return 2 * avg_pool2d(images, 2)
