"""Adversarial training of score models with corrected labels (Chistyakova et al., Technologies 2024, 12(11), 220).

An adversarial image looks worse than the clean one, so its label is lowered by the loss of quality that SSIM reports:

    y' = clip(y - penalty (1 - SSIM(x', x)), 0, 1),

and the model is trained on clean and adversarial images together. Images are made by one gradient step that raises the
loss of the score. As in the paper's code the step is longer than eps and starts at the clean image; unlike there,
the step is taken in eval mode, so that it fools the model that will be tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from attacks.ssim import ssim
from attacks.threats.linf import Linf
from zoo.defenses.base import Defense
from zoo.defenses.examples import evaluating
from zoo.defenses.norm_regularisation import BASES
from zoo.defenses.regression import levels_of


@dataclass(frozen=True, kw_only=True)
class ScoreAdversarialTraining(Defense):
    """``base(f([x, x']), [y, y'])``.

    eps: linf radius; step_size: length of the step; both in [0, 1] pixel units.
    penalty: how far the label falls, in units of the label's range, per unit of lost SSIM.
    base: loss of the scores: ``l1``, ``l2``, ``huber`` or ``norm_in_norm``.
    """

    eps: float = 4 / 255
    step_size: float = 5 / 255
    penalty: float = 1.0
    base: Literal["l1", "l2", "huber", "norm_in_norm"] = "l1"

    def __post_init__(self) -> None:
        if self.base not in BASES:
            raise ValueError(f"unknown base {self.base!r}; known: {', '.join(BASES)}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Loss of clean and adversarial images together, a scalar, and the scores ``(n,)`` of the clean images ``x``."""
        adv = self.craft(model, x, y)
        levels = levels_of(model, torch.cat([x, adv]))
        loss = BASES[self.base].combined(levels, torch.cat([y, self.corrected(x, adv, y)]))
        return loss, levels[0][: len(x)]

    def craft(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Adversarial images ``(n, C, H, W)`` in the ball around ``x`` and in the box."""
        leaf = x.detach().requires_grad_()
        with evaluating(model):
            (gradient,) = torch.autograd.grad(BASES[self.base].combined(levels_of(model, leaf), y), leaf)
        return Linf(eps=self.eps).project(x + self.step_size * gradient.sign(), x)

    def corrected(self, x: Tensor, adv: Tensor, y: Tensor) -> Tensor:
        """Labels ``(n,)`` of the adversarial images, in [0, 1]."""
        with torch.no_grad():
            return (y - self.penalty * (1 - ssim(adv, x))).clamp(0, 1)
