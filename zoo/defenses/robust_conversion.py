"""A robust network without spikes is converted and then trained further (Özdenizci and Legenstein, TMLR 2024, arXiv
2311.09266).

A spiking network starts from the weights of an adversarially trained one without spikes; its thresholds are calibrated
(:mod:`zoo.conversion.thresholds`), and weights and thresholds are then trained on

    L = CE(f(x), y) + beta * KL(p(x) || p(x')),   p = softmax(f)

with x' from one step of R-FGSM on the divergence: half of the radius along the sign of normal noise, half along the sign
of the gradient. The released code does not rescale the surrogate when thresholds change; here slopes are in units of
the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.threats.linf import Linf
from zoo.conversion.thresholds import calibrate_
from zoo.defenses.base import Defense
from zoo.defenses.examples import evaluating
from zoo.defenses.trades import divergence, drawn_together


@dataclass(frozen=True, kw_only=True)
class RobustConversion(Defense):
    """Clean cross-entropy plus ``beta`` times a divergence, from calibrated thresholds on.

    beta: 2 in the paper. eps: linf radius in [0, 1] pixel units.
    percentile, share, batches, calibration_steps: see :func:`~zoo.conversion.thresholds.calibrate_`; values of the paper.
    The logits returned are those of the clean images.
    """

    beta: float = 2.0
    eps: float = 4 / 255
    percentile: float = 99.7
    share: float = 0.3
    batches: int = 11
    calibration_steps: int = 100

    def before_training(self, model: nn.Module, images: Tensor) -> None:
        """Calibrate the thresholds on the first ``batches`` batches of 64 of the images ``(N, C, H, W)``, uint8."""
        batches = [part.float().div(255) for part in images[: 64 * self.batches].split(64)]
        calibrate_(model, batches, steps=self.calibration_steps, percentile=self.percentile, share=self.share)

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy plus divergence, a scalar, and the logits ``(n, K)`` of ``x`` ``(n, C, H, W)``."""
        adv = self.craft(model, x, generator=generator)
        return drawn_together(model, x, y, adv, beta=self.beta)

    def craft(self, model: nn.Module, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Adversarial examples of ``x``, ``(n, C, H, W)``, detached. The model is in eval mode while they are made."""
        threat, half = Linf(eps=self.eps), self.eps / 2
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        start = threat.project(x + half * noise.sign(), x).requires_grad_()
        with evaluating(model):
            with torch.no_grad():
                clean = model(x)
            (gradient,) = torch.autograd.grad(divergence(clean, model(start)), start)
        return threat.project(start + half * gradient.sign(), x).detach()
