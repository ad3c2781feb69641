"""Backward through rates instead of time.

BPTR (Ding et al., SNN-RAT, NeurIPS 2022): the forward is the exact spiking one; the
backward treats a layer as a rectifier of its firing rate. The gradient that arrives at
each step passes unchanged where the neuron fired at least once and is blocked where it
stayed silent; there is no recursion in time, hence nothing that can vanish in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attacks.gradients.base import GradientPath, LayerGradient, Trace


@dataclass(frozen=True)
class ThroughRate:
    """Layer gradient of BPTR: ``dL/dI[t] = dL/ds[t] * 1[mean_t s > 0]``."""

    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        return grad * (trace.spikes.sum(0) > 0)


@dataclass(frozen=True, kw_only=True)
class BPTR(GradientPath):
    """Rate-based backward; forward untouched."""

    def layer_gradient(self) -> LayerGradient:
        return ThroughRate()
