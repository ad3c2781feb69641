"""Leaky integrate-and-fire over all time steps as one autograd function.

One node in the graph per layer instead of one per operation and step. The backward is
whatever the layer gradient bound at forward time says.

On a CPU the loops are compiled (see :mod:`attacks.gradients.compiled`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attacks.gradients import compiled
from attacks.gradients.base import Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense, like, matrix, pieces
from zoo.spiking.signals import constant_in_time, the_step


def integrate_and_fire(current: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor]:
    """Run the neurons. Returns (membrane potential before reset, spikes), both ``(T, n, ...)``.

    current: ``(T, n, ...)``, also with an expanded time axis.
    """
    current = dense(current)
    potential, spikes = like(current), like(current)
    if compiled.usable(current):
        i, u, s = (compiled.array(x) for x in (current, potential, spikes))
        numbers = compiled.constants(u.dtype, dynamics.decay, dynamics.threshold, dynamics.start, 0, 1)
        compiled.in_parallel(_run, u.shape[1], i, u, s, numbers, dynamics.reset == "hard")
        return potential, spikes
    _run_in_torch(matrix(current), matrix(potential), matrix(spikes), dynamics)
    return potential, spikes


@compiled.compiled
def _run(
    current: np.ndarray[Any, Any],
    potential: np.ndarray[Any, Any],
    spikes: np.ndarray[Any, Any],
    numbers: np.ndarray[Any, Any],
    hard: bool,
    low: int,
    high: int,
) -> None:
    """All steps of the units ``low .. high``. numbers: decay, threshold, start, 0, 1."""
    decay, th, start, zero, one = numbers
    last = current.shape[0] - 1
    state = np.empty(compiled.CHUNK, potential.dtype)
    for first in range(low, high, compiled.CHUNK):
        n = min(compiled.CHUNK, high - first)
        for j in range(n):
            state[j] = start
        for t in range(potential.shape[0]):
            i = current[min(t, last), first : first + n]
            u = potential[t, first : first + n]
            s = spikes[t, first : first + n]
            if hard:
                for j in range(n):
                    now = i[j] + decay * state[j]
                    u[j] = now
                    s[j] = one if now >= th else zero
                    state[j] = zero if now >= th else now
            else:
                for j in range(n):
                    now = i[j] + decay * state[j]
                    u[j] = now
                    s[j] = one if now >= th else zero
                    state[j] = now - th if now >= th else now


def _run_in_torch(current: Tensor, potential: Tensor, spikes: Tensor, dynamics: Dynamics) -> None:
    """The same in torch operations, piece by piece."""
    for piece in pieces(potential):
        state = torch.full_like(potential[0, piece], dynamics.start)
        for t in range(len(potential)):
            now = potential[t, piece]
            torch.add(current[t, piece], state, alpha=dynamics.decay, out=now)
            fired = torch.ge(now, dynamics.threshold, out=spikes[t, piece])
            if dynamics.reset == "hard":
                torch.addcmul(now, now, fired, value=-1, out=state)
            else:
                torch.sub(now, fired, alpha=dynamics.threshold, out=state)


def spikes(current: Tensor, dynamics: Dynamics, gradient: LayerGradient) -> Tensor:
    """Spikes ``(T, n, ...)`` of neurons with an input current of that shape; ``gradient`` is their backward."""
    steps = len(current)
    if steps > 1 and constant_in_time(current):
        emitted: Tensor = IntegrateAndFire.apply(the_step(current), dynamics, gradient, steps)
    else:
        emitted = IntegrateAndFire.apply(current, dynamics, gradient)
    return emitted


class IntegrateAndFire(torch.autograd.Function):
    """``spikes = IntegrateAndFire.apply(current, dynamics, gradient)``.

    With a fourth argument T the current is one step ``(n, ...)``, the same at each of T steps.
    """

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, dynamics: Dynamics, gradient: LayerGradient, repeats: int | None = None
    ) -> Tensor:
        seen = current if repeats is None else current.expand(repeats, *current.shape)
        potential, emitted = integrate_and_fire(seen, dynamics)
        ctx.save_for_backward(potential, emitted, seen if gradient.needs_current else None)
        ctx.dynamics, ctx.gradient, ctx.constant = dynamics, gradient, repeats is not None
        return emitted

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        potential, emitted, current = ctx.saved_tensors
        trace = Trace(potential, emitted, current, ctx.dynamics, ctx.constant)
        found = ctx.gradient.backward(grad, trace)
        if ctx.constant:
            found = found[0] if len(found) == 1 else found.sum(0)
        return found, None, None, None
