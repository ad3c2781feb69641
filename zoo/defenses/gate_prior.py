"""Training of stochastic gates (StoG; Ding et al., AAAI 2024), see :mod:`zoo.spiking.gated`.

    L = CE(f(x), y) + prior / 2 * sum of raw^2 over all gates

The released code gives the gates an optimiser of their own, whose learning rate is not known to us; here they are trained
with the weights. In adversarial training x is first replaced by an adversarial example.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.adversarial import AgainstExamples
from zoo.spiking.gated import GatedLIF


@dataclass(frozen=True, kw_only=True)
class GatePrior(AgainstExamples):
    """Cross-entropy plus a prior that closes gates.

    prior: 5e-6 in the released code. eps, steps, start, examples: by which inputs are first replaced; see
    :class:`~zoo.defenses.adversarial.AgainstExamples`. Without them training is clean.
    Raises ``ValueError`` as there, and for a negative prior.
    """

    prior: float = 5e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prior >= 0:
            raise ValueError(f"the prior of gates must not be negative, got {self.prior}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy plus prior, a scalar, and the logits ``(n, K)`` of the images they are taken on.

        Raises ``ValueError`` for a model without gates.
        """
        gated = [layer for layer in model.modules() if isinstance(layer, GatedLIF)]
        if not gated:
            raise ValueError(f"a {type(model).__name__} has no stochastic gates")
        x = self.trained_on(model, x, y, generator=generator)
        logits: Tensor = model(x)
        squares = torch.stack([layer.raw.square().sum() for layer in gated]).sum()
        return F.cross_entropy(logits, y) + self.prior / 2 * squares, logits
