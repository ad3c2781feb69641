"""Neurons whose leak differs from step to step, and is learnt: the evolutionary leak of FEEL-SNN (Xu et al., NeurIPS 2024).

    u[t] = leak[t] * v[t-1] + I[t],     one leak per neuron and time step,

reset and firing as in :class:`~zoo.spiking.neurons.LIF`. dL/dleak[t] = dL/du[t] * v[t-1], summed over the samples, with
the surrogate of the training. Attackers choose their gradient path as for any other layer.

Forward and backward run in torch operations on every device. Product and sum are rounded one after the other, so that the
bits of a spike are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attacks.gradients.base import Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense, like, matrix, pieces
from zoo.spiking.per_neuron import PerNeuron, spread_over_samples


def fire_with_leaks(current: Tensor, leaks: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor]:
    """(membrane potential before the reset, spikes), both ``(T, n, ...)``.

    current: ``(T, n, ...)``, also with an expanded time axis. leaks: ``(T, n, ...)``, see
    :func:`~zoo.spiking.per_neuron.spread_over_samples`.
    """
    current = dense(current)
    potential, spikes = like(current), like(current)
    driving, leak, now, fired = (matrix(x) for x in (current, leaks, potential, spikes))
    for piece in pieces(now):
        state = torch.full_like(now[0, piece], dynamics.start)
        kept = torch.empty_like(state)
        for t in range(len(now)):
            torch.mul(leak[t, piece], state, out=kept)
            torch.add(driving[t, piece], kept, out=now[t, piece])
            torch.ge(now[t, piece], dynamics.threshold, out=fired[t, piece])
            if dynamics.reset == "hard":
                torch.addcmul(now[t, piece], now[t, piece], fired[t, piece], value=-1, out=state)
            else:
                torch.sub(now[t, piece], fired[t, piece], alpha=dynamics.threshold, out=state)
    return potential, spikes


class LeakAndFire(torch.autograd.Function):
    """``spikes = LeakAndFire.apply(current, leaks, dynamics, gradient)``."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, leaks: Tensor, dynamics: Dynamics, gradient: LayerGradient) -> Tensor:
        """Spikes ``(T, n, ...)`` for a current of the same shape and leaks ``(T, ...)`` or ``(T,)``."""
        full = spread_over_samples(leaks, current)
        potential, spikes = fire_with_leaks(current, full, dynamics)
        if any(ctx.needs_input_grad[:2]):
            ctx.save_for_backward(potential, full, current if gradient.needs_current else None)
        ctx.dynamics, ctx.gradient, ctx.shape, ctx.dtype = dynamics, gradient, leaks.shape, leaks.dtype
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        """Gradients of the current and of the leaks, in their shapes, from that of the spikes."""
        potential, full, current = ctx.saved_tensors
        trace = Trace(potential, current, ctx.dynamics, leaks=full)
        to_current = ctx.gradient.backward(grad, trace)
        to_leaks = None
        if ctx.needs_input_grad[1]:
            summed = (to_current * _before(trace)).sum(1, dtype=ctx.dtype)
            to_leaks = summed if len(ctx.shape) > 1 else summed.flatten(1).sum(1)
        return to_current, to_leaks, None, None


def _before(trace: Trace) -> Tensor:
    """``v[t-1]``, the potential that the leak of step t multiplies: ``(T, n, ...)``."""
    spikes, dynamics = trace.spikes, trace.dynamics
    kept = trace.potential * (1 - spikes) if dynamics.reset == "hard" else trace.potential - dynamics.threshold * spikes
    return torch.cat([torch.full_like(kept[:1], dynamics.start), kept[:-1]])


class LeakingLIF(PerNeuron):
    """Integrate-and-fire neurons with a learnable leak per time step.

    leaks: T. They begin at ``decay``, one number per step; :func:`~zoo.spiking.per_neuron.per_neuron_` gives
        each neuron its own.
    neuron: as of :class:`~zoo.spiking.neurons.LIF`. Raises ``ValueError`` if T is below 1.
    """

    def __init__(self, *, leaks: int, **neuron: Any) -> None:
        super().__init__(**neuron)
        if leaks < 1:
            raise ValueError(f"neurons have a leak for at least one step, not {leaks}")
        self.leaks = nn.Parameter(torch.full((leaks,), float(self.dynamics.decay)))

    def spread_(self, shape: tuple[int, ...]) -> None:
        """Leaks ``(T, ...)``, all at ``decay``, for neurons ``(...)``."""
        self.leaks = nn.Parameter(torch.full((len(self.leaks), *shape), float(self.dynamics.decay)))

    @property
    def numbers(self) -> tuple[str, int]:
        """One leak per step."""
        return "a leak", len(self.leaks)

    def fire(self, driving: Tensor) -> Tensor:
        """Spikes of what the neurons add up, ``(T, N, ...)`` each, along the path that was chosen or the own one."""
        gradient = self._chosen or self.own_gradient
        spikes: Tensor = LeakAndFire.apply(driving, self.leaks, self.dynamics, gradient)  # type: ignore[no-untyped-call]
        return spikes
