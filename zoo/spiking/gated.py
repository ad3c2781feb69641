"""Neurons behind stochastic gates (StoG).

Ding et al., Enhancing the Robustness of Spiking Neural Networks with Stochastic Gating Mechanisms, AAAI 2024:

    o[t] = s[t] * z[t],     z[t] = 1 with probability p, else 0,     p = raw, clipped to [0.1, 1]

with one learnable ``raw`` per neuron, and a draw per neuron, sample and time step. The reset is that of the spike, gated or
not. The gates stay random in evaluation, so that an attack has to average over draws.

In the backward a gate counts as the binary concrete variable that it rounds (Maddison et al., ICLR 2017): with u uniform and
temperature 1/2,

    z~ = sigmoid((logit u + logit p) / temperature),     dz/dp = z~ (1 - z~) / (temperature p (1 - p)).

The released code has the opposite sign there, with which a gate opens where the loss wants it shut; ours is the derivative.
Where p or u comes within 1/1000 of 0 or 1, the derivative is that at this distance; the released code adds 1/1000 to
denominators. Clipping passes no gradient at its ends, so that a gate that begins at 1 waits for its prior to leave it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attacks.randomness import uniform_like
from zoo.spiking.per_neuron import OwnNumbers

LEAST, TEMPERATURE, MARGIN = 0.1, 0.5, 1e-3
"""Smallest probability that a gate is open; of the relaxed gate; distance to 0 and 1 that the derivative keeps."""


class Gate(torch.autograd.Function):
    """``z = Gate.apply(p, uniform)``: 1 where a gate is open, else 0."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, uniform: Tensor) -> Tensor:
        """Gates ``(T, N, ...)`` for probabilities of being open ``(...)`` and uniform numbers ``(T, N, ...)``."""
        ctx.save_for_backward(p, uniform)
        return (uniform >= 1 - p).to(uniform.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Gradient of the probabilities, summed over steps and samples."""
        p, uniform = ctx.saved_tensors
        inner = p.clamp(MARGIN, 1 - MARGIN)
        relaxed = torch.sigmoid((torch.logit(uniform, MARGIN) + torch.logit(inner)) / TEMPERATURE)
        slope = relaxed * (1 - relaxed) / (TEMPERATURE * inner * (1 - inner))
        return (grad * slope).sum_to_size(p.shape), None


class GatedLIF(OwnNumbers):
    """Leaky integrate-and-fire neurons whose spikes pass stochastic gates.

    gates: ``raw`` at first, one number that :func:`~zoo.spiking.per_neuron.per_neuron_` gives to each neuron; 1 in the
        released code.
    layer: a name, so that two layers draw different numbers. neuron: as of :class:`~zoo.spiking.neurons.LIF`.
    Raises ``ValueError`` for gates outside [0.1, 1].
    """

    stochastic = True

    def __init__(self, *, gates: float, layer: str = "gates", **neuron: Any) -> None:
        super().__init__(**neuron)
        if not LEAST <= gates <= 1:
            raise ValueError(f"gates are open with a probability from {LEAST} to 1, not {gates}")
        self.layer = layer
        self.raw = nn.Parameter(torch.tensor(float(gates)))

    def spread_(self, shape: tuple[int, ...]) -> None:
        """A gate of its own for each of the neurons ``(...)``."""
        self.raw = nn.Parameter(self.raw.detach().expand(shape).clone())

    def pooled(self, current: Tensor, pool: int) -> Tensor:
        """Means of the gated spikes over ``pool`` x ``pool`` windows of a current ``(T, N, C, H, W)``; see the base."""
        spikes = super().pooled(current, 1)
        # Uniform numbers are float32 whatever the spikes are: in bfloat16 the largest ones round to 1.
        uniform = uniform_like(spikes[0].detach().float(), draws=len(spikes), layer=self.layer)
        gates: Tensor = Gate.apply(F.hardtanh(self.raw, LEAST, 1.0), uniform)  # type: ignore[no-untyped-call]
        passed = spikes * gates.to(spikes.dtype)
        return passed if pool == 1 else F.avg_pool2d(passed.flatten(0, 1), pool).unflatten(0, passed.shape[:2])

    def extra_repr(self) -> str:
        """Dynamics, training gradient and gates for ``repr``."""
        return f"{super().extra_repr()}, gates={float(self.raw.detach().mean()):.3g}"
