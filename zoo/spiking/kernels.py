"""Leaky integrate-and-fire over all time steps as one autograd function.

One node in the graph per layer instead of one per operation and step. The backward is
whatever the layer gradient bound at forward time says.

Measured on 2 cores (T = 4, batch 64, 48 x 16 x 16 units): forward 1.9 ms, backward
3.8 ms, against 16 ms for the convolution that follows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attacks.gradients.base import Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense, like, matrix, pieces


def integrate_and_fire(current: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor]:
    """Run the neurons. Returns (membrane potential before reset, spikes), both ``(T, n, ...)``.

    current: ``(T, n, ...)``, also with an expanded time axis.
    """
    current = dense(current)
    potential, spikes = like(current), like(current)
    inputs, u, s = matrix(current), matrix(potential), matrix(spikes)
    for piece in pieces(u):
        state = torch.full_like(u[0, piece], dynamics.start)
        for t in range(len(u)):
            now = u[t, piece]
            torch.add(inputs[t, piece], state, alpha=dynamics.decay, out=now)
            fired = torch.ge(now, dynamics.threshold, out=s[t, piece])
            if dynamics.reset == "hard":
                torch.addcmul(now, now, fired, value=-1, out=state)
            else:
                torch.sub(now, fired, alpha=dynamics.threshold, out=state)
    return potential, spikes


class IntegrateAndFire(torch.autograd.Function):
    """``spikes = IntegrateAndFire.apply(current, dynamics, gradient)``."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, dynamics: Dynamics, gradient: LayerGradient) -> Tensor:
        potential, spikes = integrate_and_fire(current, dynamics)
        ctx.save_for_backward(potential, spikes, current if gradient.needs_current else None)
        ctx.dynamics, ctx.gradient = dynamics, gradient
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        potential, spikes, current = ctx.saved_tensors
        trace = Trace(potential, spikes, current, ctx.dynamics)
        return ctx.gradient.backward(grad, trace), None, None
