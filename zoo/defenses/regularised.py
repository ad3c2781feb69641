"""Regularised adversarial training, SNN-RAT (Ding et al., NeurIPS 2022).

How far a perturbation grows in a layer is bounded by the spectral norm of its weights. After
each optimiser step every weight matrix W (a convolution's kernel as outputs x inputs*k*k) is
drawn towards orthonormal rows,

    W <- (1 + retraction) W - retraction * W W^T W,

which moves each singular value s to ``s + retraction * s (1 - s^2)``, and thus towards 1. It
replaces weight decay. The loss is that of adversarial training. In linear layers of 200 and more
outputs the released code samples 30% of the rows at each step, to save time; here all take part.
Its examples start from the image, which is ``start: image``; by default ours start from a random point of the ball.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.defenses.adversarial import AdversarialTraining


@dataclass(frozen=True, kw_only=True)
class RegularisedAdversarialTraining(AdversarialTraining):
    """Adversarial training with orthogonal retraction. retraction: step size, 5e-4 in the released recipe."""

    retraction: float = 5e-4

    def after_step(self, model: nn.Module) -> None:
        """Draw the weights of every convolution and linear layer towards orthonormal rows."""
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                retract_(layer.weight, self.retraction)


@torch.no_grad()
def retract_(weight: Tensor, step: float) -> None:
    """One step of ``weight`` ``(outputs, ...)`` towards orthonormal rows, in place."""
    rows = weight.flatten(1)
    pull = (rows @ rows.T) @ rows
    weight.mul_(1 + step).sub_(pull.view_as(weight), alpha=step)
