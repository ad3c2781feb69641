"""PDSG (potential-dependent surrogate gradient, arXiv 2503.03272): a Gaussian as wide as the potentials spread.

    g(x) = exp(-(x - sigma/2)^2 / (2 sigma^2)) / (sqrt(2 pi) sigma),   x = u - th

sigma at step t is the standard deviation of the membrane potential before the reset over steps 1..t,
so the surrogate fits any network without knowing how it was trained.

Deviation: the paper pools sigma over the batch, which makes a sample's gradient depend on its
neighbours. Here it is pooled within the sample: over steps and space per channel, over steps and units in
layers without space. The population form is used, and a spread of 0 counts as 1. All is in units of the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.gradients.base import GradientPath, LayerGradient, Trace
from attacks.gradients.bptt import through_slopes
from attacks.gradients.spikes.firing import Firing


@dataclass(frozen=True)
class PotentialDependent:
    """Layer gradient of PDSG: BPTT. attached: whether the gradient flows through the reset, as in the paper."""

    attached: bool = True
    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)``, with the spread of the layer's potentials."""
        threshold = trace.dynamics.threshold
        sigma = spread(trace.potential / threshold)
        return through_slopes(grad, trace, _slopes(trace.potential, threshold, sigma), attached=self.attached)


@dataclass(frozen=True)
class PotentialDependentSpikes:
    """Spike gradient of PDSG: what the steps of a layer have seen so far is handed on from call to call."""

    attached: bool = True

    def remember(self, firing: Firing, past: Moments | None) -> Moments:
        """The moments of the potentials up to and including this call."""
        potential = firing.potential()
        return Moments.of(potential if firing.threshold == 1 else potential / firing.threshold, past)

    def backward(self, grad: Tensor, firing: Firing, memory: Moments) -> Tensor:
        """``dL/du`` from ``dL/ds``, both ``(T, n, ...)``."""
        return _slopes(firing.potential(), firing.threshold, memory.spread).mul_(grad)


def _slopes(potential: Tensor, threshold: float, sigma: Tensor) -> Tensor:
    """``ds/du``, in one new tensor of the size of the potential."""
    x = (potential - threshold).div_(threshold).div_(sigma).sub_(0.5)
    return x.square_().mul_(-0.5).exp_().div_(math.sqrt(2 * math.pi) * sigma * threshold)


@dataclass(frozen=True)
class Moments:
    """Sums over steps 1..t of what is pooled, for each t of ``(T, n, C, ...)`` or ``(T, n, F)``.

    count: steps so far, ``(T, 1, ...)``. total, squares: of the pooled potential and of its pooled square.
    """

    count: Tensor
    total: Tensor
    squares: Tensor

    @classmethod
    def of(cls, potential: Tensor, past: Moments | None = None) -> Moments:
        """Those of ``potential`` ``(T, n, ...)``, whose first step follows the last one of ``past``."""
        count = torch.arange(1, len(potential) + 1, device=potential.device, dtype=potential.dtype)
        count = count.view(-1, *([1] * (potential.dim() - 1)))
        total, squares = _pooled(potential).cumsum(0), _pooled(potential.square()).cumsum(0)
        if past is None:
            return cls(count, total, squares)
        return cls(count + past.count[-1:], total + past.total[-1:], squares + past.squares[-1:])

    @property
    def spread(self) -> Tensor:
        """Standard deviation over steps 1..t, ``(T, n, ...)`` to broadcast to the potential; 1 where it is 0."""
        sigma = (self.squares / self.count - (self.total / self.count).square()).clamp_min(0).sqrt()
        return torch.where(sigma > 1e-6, sigma, 1.0)


def _pooled(x: Tensor) -> Tensor:
    """Means over space, or over units where there is none; ``(T, n)`` has neither."""
    pooled = tuple(range(3, x.dim())) or tuple(range(2, x.dim()))
    return x.mean(pooled, keepdim=True) if pooled else x


def spread(potential: Tensor) -> Tensor:
    """Standard deviation over steps 1..t of ``(T, n, C, ...)`` or ``(T, n, F)``, broadcastable to it."""
    return Moments.of(potential).spread


@dataclass(frozen=True, kw_only=True)
class PDSG(GradientPath):
    """Gaussian surrogate as wide as the sample's own membrane potentials spread."""

    def layer_gradient(self) -> LayerGradient:
        """For a layer that runs all steps."""
        return PotentialDependent()

    def spike_gradient(self) -> PotentialDependentSpikes:
        """For the calls of a spike function, one step each."""
        return PotentialDependentSpikes()
