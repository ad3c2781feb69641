"""HART (Hao et al., ICLR 2024): between the rate and time.

The forward is the exact spiking one. The backward cuts the path through time, ``v[t] = decay *
detach(v[t-1]) + I[t]``, keeps a triangle of width w, and gives every step the time average of
what arrives at the layer's input:

    dL/dI[t] = mean_k ( dL/ds[k] g_w(u[k]) )
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attacks.gradients.base import GradientPath, LayerGradient, Trace
from attacks.gradients.surrogates import Surrogate


@dataclass(frozen=True)
class TimeAveraged:
    """Layer gradient of HART."""

    surrogate: Surrogate
    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        slope = self.surrogate.derivative(trace.potential, trace.dynamics.threshold)
        return slope.mul_(grad).mean(0).expand(grad.shape)


@dataclass(frozen=True, kw_only=True)
class HART(GradientPath):
    """Time cut, gradient averaged over time. width: of the triangle, in units of the threshold."""

    width: float = 1.0

    def __post_init__(self) -> None:
        self.layer_gradient()

    def layer_gradient(self) -> LayerGradient:
        return TimeAveraged(Surrogate("triangle", self.width))
