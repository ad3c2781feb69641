"""TRADES (Zhang et al., ICML 2019, arXiv 1901.08573): accuracy on clean images, and a decision
boundary at a distance from them.

    L = CE(f(x), y) + beta * max_{|x' - x| <= eps} KL(p(x) || p(x')),   p = softmax(f).

The inner maximum is searched in eval mode with p(x) held constant; the gradient of the loss
flows through both arguments of the divergence.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.adversarial import ascend
from zoo.defenses.base import Defense
from zoo.defenses.examples import evaluating


@dataclass(frozen=True, kw_only=True)
class Trades(Defense):
    """Clean cross-entropy plus ``beta`` times the divergence of clean and adversarial predictions.

    beta: 6 in the paper. eps: linf radius in [0, 1] pixel units.
    steps, step_size: of the inner maximum; see :func:`~zoo.defenses.adversarial.ascend`.
    The logits returned are those of the clean images.
    """

    beta: float = 6.0
    eps: float = 4 / 255
    steps: int = 2
    step_size: float | None = None

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy plus divergence, a scalar, and the logits ``(n, K)`` of the clean images ``x`` ``(n, C, H, W)``."""
        adv = self.craft(model, x, generator=generator)
        return drawn_together(model, x, y, adv, beta=self.beta)

    def craft(self, model: nn.Module, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Examples ``(n, C, H, W)`` whose predictions differ most from those of ``x``; no label is needed."""
        with evaluating(model), torch.no_grad():
            clean = model(x)
        return ascend(
            model,
            x,
            lambda logits: divergence(clean, logits),
            eps=self.eps,
            steps=self.steps,
            step_size=self.step_size,
            generator=generator,
        )


def drawn_together(model: nn.Module, x: Tensor, y: Tensor, adv: Tensor, *, beta: float) -> tuple[Tensor, Tensor]:
    """``CE(f(x), y) + beta * KL(p(x) || p(adv))``, means over the batch, and the logits ``(n, K)`` of ``x``."""
    clean: Tensor = model(x)
    perturbed: Tensor = model(adv)
    return F.cross_entropy(clean, y) + beta * divergence(clean, perturbed) / len(x), clean


def divergence(clean: Tensor, perturbed: Tensor) -> Tensor:
    """``sum over rows of KL(softmax(clean) || softmax(perturbed))`` of logits ``(n, K)``."""
    return F.kl_div(perturbed.log_softmax(1), clean.log_softmax(1), reduction="sum", log_target=True)
