"""Backward through rates instead of time.

BPTR (Ding et al., SNN-RAT, NeurIPS 2022): the forward is that of the network; the backward treats a layer
as a rectifier of its firing rate. The gradient that arrives at each step passes unchanged where the neuron fired at least
once and is blocked where it stayed silent. There is no recursion in time in which it could vanish.

RGA (Bu et al., CVPR 2023): likewise, but the factor is the derivative of the firing rate with
respect to the time-averaged input current, piecewise constant in it. A neuron whose leak differs between steps counts as one
with their mean.

In both, the gradient that arrives stays per step; only the factor is an average.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.gradients.base import GradientPath, LayerGradient, Trace


@dataclass(frozen=True)
class ThroughRate:
    """Layer gradient of BPTR: ``dL/dI[t] = dL/ds[t] * 1[mean_t s > 0]``."""

    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)``: ``grad`` where the neuron fired."""
        return grad * (trace.spikes.sum(0) > 0)


@dataclass(frozen=True, kw_only=True)
class BPTR(GradientPath):
    """Rate-based backward; forward untouched."""

    def layer_gradient(self) -> LayerGradient:
        """The rectifier of a layer's rate."""
        return ThroughRate()


@dataclass(frozen=True)
class ThroughMeanCurrent:
    """Layer gradient of RGA. low: slope below ``(1 - decay) th``. beta: where the rate saturates, in units of th."""

    low: float = 0.2
    beta: float = 2.0
    needs_current: bool = True

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)``: ``grad`` times the rate's slope. Raises ``ValueError`` without the current."""
        if trace.current is None:
            raise ValueError("RGA needs the input current of a layer, which was not kept")
        th, mean = trace.dynamics.threshold, trace.current.mean(0)
        decay = trace.dynamics.decay if trace.leaks is None else trace.leaks.mean(0)
        knee = (1 - decay) * th
        high = (1 - self.low * th + self.low * decay * th) / ((decay + self.beta - 1) * th)
        # The two intervals of the paper share their end; it belongs to the lower one here.
        rising = ((mean > knee) & (mean <= self.beta * th)).to(mean.dtype) * high
        return grad * torch.where((mean >= 0) & (mean <= knee), self.low, rising)


@dataclass(frozen=True, kw_only=True)
class RGA(GradientPath):
    """Rate gradient: the slope of the firing rate over the mean input current. gamma: the slope near zero."""

    gamma: float = 0.2

    def layer_gradient(self) -> LayerGradient:
        """The slope of a layer's rate over its mean current."""
        return ThroughMeanCurrent(low=self.gamma)
