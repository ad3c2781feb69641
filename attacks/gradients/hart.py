"""HART (Hao et al., ICLR 2024): a backward between rate coding and time.

The forward is the exact forward of the network. The backward cuts the path through time, ``v[t] = decay *
detach(v[t-1]) + I[t]``, keeps a triangle of width w, and gives every step the time average of the gradients that arrive at
the layer's input:

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
        """``dL/dcurrent`` ``(T, n, ...)``: the same at every step."""
        slope = self.surrogate.derivative(trace.potential, trace.dynamics.threshold)
        return slope.mul_(grad).mean(0).expand(grad.shape)


@dataclass(frozen=True, kw_only=True)
class HART(GradientPath):
    """Time cut, gradient averaged over time. width: of the triangle, in units of the threshold."""

    width: float = 1.0

    def __post_init__(self) -> None:
        self.layer_gradient()

    def layer_gradient(self) -> LayerGradient:
        """The time average of a layer."""
        return TimeAveraged(Surrogate("triangle", self.width))
