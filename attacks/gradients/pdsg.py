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


@dataclass(frozen=True)
class PotentialDependent:
    """Layer gradient of PDSG: BPTT, reset attached."""

    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        threshold = trace.dynamics.threshold
        sigma = spread(trace.potential / threshold)
        x = (trace.potential - threshold) / threshold
        slopes = torch.exp(-((x / sigma - 0.5) ** 2) / 2) / (math.sqrt(2 * math.pi) * sigma * threshold)
        return through_slopes(grad, trace, slopes, attached=True)


def spread(potential: Tensor) -> Tensor:
    """Standard deviation over steps 1..t of ``(T, n, C, ...)`` or ``(T, n, F)``, broadcastable to it."""
    pooled = tuple(range(3, potential.dim())) or (2,)
    count = torch.arange(1, len(potential) + 1, device=potential.device, dtype=potential.dtype)
    count = count.view(-1, *([1] * (potential.dim() - 1)))
    mean = potential.mean(pooled, keepdim=True).cumsum(0) / count
    square = potential.square().mean(pooled, keepdim=True).cumsum(0) / count
    sigma = (square - mean.square()).clamp_min(0).sqrt()
    return torch.where(sigma > 1e-6, sigma, 1.0)


@dataclass(frozen=True, kw_only=True)
class PDSG(GradientPath):
    """Gaussian surrogate as wide as the sample's own membrane potentials spread."""

    def layer_gradient(self) -> LayerGradient:
        return PotentialDependent()
