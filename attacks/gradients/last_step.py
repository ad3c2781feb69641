"""A gradient through the last time step alone.

At the last step a potential has added up the currents of all steps, so it says more of a neuron's rate than any earlier one.
Each layer passes on only what arrives at its last spike. On a conversion whose neurons are silenced by their residual
potential this finds what gradients over all steps miss, because early spikes of such a network come and go with the order in
which its inputs arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from attacks.gradients.base import GradientPath, LayerGradient, Trace
from attacks.gradients.bptt import through_surrogate
from attacks.gradients.surrogates import Surrogate


@dataclass(frozen=True)
class ThroughLastStep:
    """Layer gradient: backpropagation through time of what arrives at the last step, zero elsewhere."""

    surrogate: Surrogate = field(default_factory=Surrogate)
    attached: bool = False
    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)`` from the last step of ``grad``."""
        arriving = torch.zeros_like(grad)
        arriving[-1] = grad[-1]
        return through_surrogate(arriving, trace, self.surrogate, attached=self.attached)


@dataclass(frozen=True, kw_only=True)
class LastStep(GradientPath):
    """The last step with the attacker's surrogate; parameters as of :class:`~attacks.gradients.bptt.BPTT`.

    Raises ``ValueError`` for an unknown surrogate and a width that is not positive.
    """

    surrogate: str = "atan"
    width: float | None = None
    reset: Literal["attached", "detached"] = "detached"

    def __post_init__(self) -> None:
        if self.reset not in ("attached", "detached"):
            raise ValueError(f"reset must be 'attached' or 'detached', not {self.reset!r}")
        self.layer_gradient()

    def layer_gradient(self) -> LayerGradient:
        """The last step of a layer."""
        return ThroughLastStep(Surrogate(self.surrogate, self.width), self.reset == "attached")
