"""Neurons with noise on their potential: they fire with a probability instead of by a rule.

    u[t] = decay * v[t-1] + I[t] + noise * threshold * n[t],     n standard normal per neuron and step,

so that a neuron whose potential is x thresholds above its threshold fires with probability ``Phi(x / noise)``. The noise
stays in the potential until the neuron fires, as in noisy spiking networks (Ma et al., Patterns 2023, arXiv 2305.16044).
Since it is added to the current, all kernels and gradient paths are those of :class:`~zoo.spiking.neurons.LIF`.

Draws are keyed (see :mod:`attacks.randomness`). A normal number is the middle, in probability, of one of 4,096 equally
likely cells, rounded to a multiple of 1/4,096: so it has the same bits on every machine, and the network has a canonical
form. Its largest value is 3.67.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from attacks.randomness import uniform_like
from zoo.spiking.neurons import LIF

CELLS = 4096


@cache
def normal_cells() -> Tensor:
    """The normal number of each cell, ``(4096,)``, float32, rising."""
    middles = (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS
    numbers: Tensor = torch.special.ndtri(middles)
    return (numbers * CELLS).round().div(CELLS).float()


class NoisyLIF(LIF):
    """Leaky integrate-and-fire neurons with normal noise on their potential.

    noise: its standard deviation, in units of the threshold. noisy: ``always``, or only in ``training``, where it is a
    regulariser of a network that is deterministic afterwards.
    layer: a name, so that two layers draw different numbers. neuron: as of :class:`~zoo.spiking.neurons.LIF`.
    Raises ``ValueError`` for a noise that is not positive.
    """

    def __init__(
        self, *, noise: float, noisy: Literal["always", "training"] = "always", layer: str = "noise", **neuron: Any
    ) -> None:
        super().__init__(**neuron)
        if not 0 < noise < math.inf:
            raise ValueError(f"the noise of a neuron must be positive, got {noise}")
        if noisy not in ("always", "training"):
            raise ValueError(f"noisy must be 'always' or 'training', not {noisy!r}")
        self.noise, self.noisy, self.layer = noise, noisy, layer

    @property
    def stochastic(self) -> bool:
        """Whether two calls in eval mode may differ."""
        return self.noisy == "always"

    def scaled(self, current: Tensor) -> Tensor:
        """``current`` ``(T, N, ...)`` times the scale of each step, if any, and the noise where it is on."""
        scaled = super().scaled(current)
        if not (self.training or self.stochastic):
            return scaled
        # Uniform numbers are float32 whatever the currents are: in bfloat16 the largest ones round to 1.
        uniform = uniform_like(scaled[0].detach().float(), draws=len(scaled), layer=self.layer)
        normal = normal_cells().to(scaled.device)[uniform.mul_(CELLS).long()]
        return scaled + (self.noise * self.dynamics.threshold * normal).to(scaled.dtype)

    def extra_repr(self) -> str:
        """Dynamics, training gradient and noise for ``repr``."""
        return f"{super().extra_repr()}, noise={self.noise:g} ({self.noisy})"
