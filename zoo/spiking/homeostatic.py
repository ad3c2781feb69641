"""Neurons whose threshold follows their potential: the threshold-adapting neurons of HoSNN (Geng and Li, TMLR 2025, arXiv
2308.10373).

    u[t]  = decay * v[t-1] + I[t]
    th[t] = th[t-1] + rate * (u[t] - anchor[t]),     th[-1] = threshold
    s[t]  = 1[u[t] >= th[t]],     v[t] = u[t] * (1 - s[t])

with a rate per neuron, learnt and not negative, and an anchor per neuron and step: the mean potential of the same neuron of
a plain network on clean images (the paper's neural dynamic signature). A potential that rises above its anchor raises the
threshold, and the neuron fires as it would on a clean image.

Gradients pass through the thresholds: a surrogate is taken at u[t] - th[t], and a potential moves the thresholds of its own
step and of all later ones (see :mod:`attacks.gradients.bptt`). The released code differentiates at u[t] less the constant
threshold, as if none had moved. Attackers choose their path as for any other layer. Paths that average over time take the
same potential less what the threshold has moved.

Forward and backward run in torch operations on every device, each product and sum rounded by itself, so that the bits of a
spike are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attacks.gradients.base import Adaptation, Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense, like, matrix, pieces
from zoo.spiking.per_neuron import PerNeuron, spread_over_samples

MOST = 0.9
"""Largest rate. At 1 a threshold would follow all of a potential and no potential could reach it."""


def fire_with_adaptation(
    current: Tensor, anchors: Tensor, rates: Tensor, dynamics: Dynamics
) -> tuple[Tensor, Tensor, Tensor]:
    """(membrane potential, the same less what the threshold has moved, spikes), all ``(T, n, ...)``.

    current: ``(T, n, ...)``, also with an expanded time axis. anchors, rates: ``(T, n, ...)`` (see
    :func:`~zoo.spiking.per_neuron.spread_over_samples`); rates are the same at each step.
    """
    current = dense(current)
    membrane, potential, spikes = like(current), like(current), like(current)
    driving, anchor, rate, now, less, fired = (matrix(x) for x in (current, anchors, rates, membrane, potential, spikes))
    for piece in pieces(now):
        state = torch.full_like(now[0, piece], dynamics.start)
        kept, moved = torch.empty_like(state), torch.zeros_like(state)
        for t in range(len(now)):
            torch.mul(state, dynamics.decay, out=kept)
            torch.add(driving[t, piece], kept, out=now[t, piece])
            torch.sub(now[t, piece], anchor[t, piece], out=kept)
            moved.add_(kept.mul_(rate[t, piece]))
            torch.sub(now[t, piece], moved, out=less[t, piece])
            torch.ge(less[t, piece], dynamics.threshold, out=fired[t, piece])
            torch.addcmul(now[t, piece], now[t, piece], fired[t, piece], value=-1, out=state)
    return membrane, potential, spikes


class AdaptAndFire(torch.autograd.Function):
    """``spikes = AdaptAndFire.apply(current, rates, anchors, dynamics, gradient)``."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, rates: Tensor, anchors: Tensor, dynamics: Dynamics, gradient: LayerGradient
    ) -> Tensor:
        """Spikes ``(T, n, ...)`` for a current of the same shape.

        Neurons have rates ``(...)`` and anchors ``(T, ...)``, or share one rate and anchors ``(T,)``.
        """
        anchor = spread_over_samples(anchors, current)
        rate = spread_over_samples(rates.expand_as(anchors[0])[None], current[:1]).expand(current.shape)
        membrane, potential, spikes = fire_with_adaptation(current, anchor, rate, dynamics)
        if any(ctx.needs_input_grad[:2]):
            kept = (membrane, potential, rate, anchor if ctx.needs_input_grad[1] else None)
            ctx.save_for_backward(*kept, current if gradient.needs_current else None)
        ctx.dynamics, ctx.gradient, ctx.shape, ctx.dtype = dynamics, gradient, rates.shape, rates.dtype
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None, None]:
        """Gradients of the current and of the rates, in their shapes, from that of the spikes."""
        membrane, potential, rate, anchor, current = ctx.saved_tensors
        trace = Trace(potential, current, ctx.dynamics, adaptation=Adaptation(membrane, rate))
        to_current = ctx.gradient.backward(grad, trace)
        to_rates = None
        if ctx.needs_input_grad[1]:
            per_sample = -(_to_potential(to_current, trace, rate) * (membrane - anchor).cumsum(0)).sum(0, dtype=ctx.dtype)
            to_rates = per_sample.sum(0) if len(ctx.shape) else per_sample.sum()
        return to_current, to_rates, None, None, None


def _to_potential(to_current: Tensor, trace: Trace, rate: Tensor) -> Tensor:
    """Gradient of what is compared with the threshold, ``(T, n, ...)``, from that of the current along the same time.

    With G the one and D the other, D[t] = G[t] - rate * (G[t] + ... + G[T-1]) + decay * D[t+1] * (1 - s[t]).
    """
    later = torch.cat([to_current[1:], torch.zeros_like(to_current[:1])])
    through_spikes = to_current - trace.dynamics.decay * later * (1 - trace.spikes)
    gradient, total = torch.empty_like(through_spikes), torch.zeros_like(through_spikes[0])
    for t in reversed(range(len(gradient))):
        gradient[t] = (through_spikes[t] + rate[t] * total) / (1 - rate[t])
        total += gradient[t]
    return gradient


class HomeostaticLIF(PerNeuron):
    """Integrate-and-fire neurons whose thresholds adapt to the distance of their potential from an anchor.

    anchors: T. They are a buffer of zeros, one number per step, until a defense sets them
        (:class:`~zoo.defenses.homeostasis.Homeostasis`). adaptation: the rates' first value, from 0, where neurons are those
        of :class:`~zoo.spiking.neurons.LIF`, to 0.9; one over the paper's time constant of the threshold, 5 for CIFAR-10.
    neuron: as of :class:`~zoo.spiking.neurons.LIF`, with the hard reset.
    Raises ``ValueError`` for another reset, a rate out of range and less than one step.
    """

    anchors: Tensor

    def __init__(self, *, anchors: int, adaptation: float = 0.2, **neuron: Any) -> None:
        super().__init__(**neuron)
        if self.dynamics.reset != "hard":
            raise ValueError("neurons whose thresholds adapt reset to zero: set reset to 'hard'")
        if anchors < 1:
            raise ValueError(f"neurons have an anchor for at least one step, not {anchors}")
        if not 0 <= adaptation <= MOST:
            raise ValueError(f"the rate of adaptation must lie between 0 and {MOST}, got {adaptation}")
        self.adaptation = nn.Parameter(torch.tensor(float(adaptation)))
        self.register_buffer("anchors", torch.zeros(anchors))

    @property
    def rates(self) -> Tensor:
        """Rate of each neuron, ``(...)``, or of all; learning leaves them between 0 and 0.9."""
        return self.adaptation.clamp(0, MOST)

    def spread_(self, shape: tuple[int, ...]) -> None:
        """Rates ``(...)`` and anchors ``(T, ...)``, each at its first value, for neurons ``(...)``."""
        self.adaptation = nn.Parameter(self.adaptation.detach().expand(shape).clone())
        self.anchors = torch.zeros(len(self.anchors), *shape)

    @property
    def numbers(self) -> tuple[str, int]:
        """One anchor per step."""
        return "an anchor", len(self.anchors)

    def fire(self, driving: Tensor) -> Tensor:
        """Spikes of what the neurons add up, ``(T, N, ...)`` each, along the path that was chosen or the own one."""
        gradient = self._chosen or self.own_gradient
        choices = (self.anchors, self.dynamics, gradient)
        spikes: Tensor = AdaptAndFire.apply(driving, self.rates, *choices)  # type: ignore[no-untyped-call]
        return spikes
