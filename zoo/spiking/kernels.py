"""Leaky integrate-and-fire over all time steps as one autograd function.

The graph has one node per layer instead of one per operation and step. The layer gradient that is bound
during the forward defines the backward.

On a CPU the loops are compiled (see :mod:`attacks.gradients.compiled`). All of them lie in this file, because the
compiler caches its results and does not notice changes in another file. On a GPU they are Triton kernels (see
:mod:`attacks.gradients.accelerated` and :mod:`zoo.spiking.on_gpu`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from attacks.gradients import accelerated, compiled
from attacks.gradients.base import Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense, like, matrix, pieces
from attacks.gradients.windows import Windows, shape_of
from zoo.spiking import on_gpu
from zoo.spiking.pooling import spread


def integrate_and_fire(current: Tensor, dynamics: Dynamics, *, keep: bool = True) -> tuple[Tensor, Tensor]:
    """Run the neurons. Returns (membrane potential before reset, spikes), both ``(T, n, ...)``.

    current: ``(T, n, ...)``, also with an expanded time axis. keep: whether the potential is wanted, which compiled loops
    and kernels of a GPU then do not write down; it has no steps without.
    """
    current = dense(current)
    in_kernel, in_loops = accelerated.usable(current), compiled.usable(current)
    potential, spikes = like(current, 0 if (in_kernel or in_loops) and not keep else None), like(current)
    if in_kernel:
        on_gpu.fire(matrix(current), matrix(potential), matrix(spikes), dynamics)
        return potential, spikes
    if in_loops:
        i, u, s = (compiled.array(x) for x in (current, potential, spikes))
        numbers = compiled.constants(u.dtype, dynamics.decay, dynamics.threshold, dynamics.start, 0, 1)
        compiled.in_parallel(_run, s.shape[1], i, u, s, numbers, dynamics.reset == "hard")
        return potential, spikes
    _run_in_torch(matrix(current), matrix(potential), matrix(spikes), dynamics)
    return potential, spikes


def fire_and_pool(current: Tensor, dynamics: Dynamics, windows: Windows, *, keep: bool = True) -> tuple[Tensor, Tensor]:
    """Like :func:`integrate_and_fire`, with the mean of the spikes over each window in place of the spikes.

    current: ``(T, n, C, H, W)``, which compiled loops or kernels of a GPU take and ``windows`` cover. keep: as there.
    """
    potential, pooled = like(current, None if keep else 0), windows.pooled(current)
    if accelerated.usable(current):
        on_gpu.fire_and_pool(matrix(current), matrix(potential), matrix(pooled), dynamics, windows)
        return potential, pooled
    i, u, p = (compiled.array(x) for x in (current, potential, pooled))
    numbers = compiled.constants(u.dtype, dynamics.decay, dynamics.threshold, dynamics.start, 0, 1, 1 / windows.size**2)
    samples = current.shape[1]
    compiled.in_parallel(_run_pooled, samples, i, u, p, numbers, dynamics.reset == "hard", shape_of(windows), least=1)
    return potential, pooled


def windows_over(current: Tensor, size: int) -> Windows | None:
    """Windows over ``current`` ``(T, n, C, H, W)`` that :func:`fire_and_pool` takes; None where there are none."""
    if accelerated.usable(current):
        return Windows.over(current, size, widest=None)
    return Windows.over(current, size) if compiled.usable(current) else None


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
    """All steps of the units ``low .. high``. numbers: decay, threshold, start, 0, 1. potential: without steps, not kept."""
    decay, th, start, zero, one = numbers
    last, kept = current.shape[0] - 1, potential.shape[0] > 0
    state, scratch = np.empty(compiled.CHUNK, potential.dtype), np.empty(compiled.CHUNK, potential.dtype)
    for first in range(low, high, compiled.CHUNK):
        n = min(compiled.CHUNK, high - first)
        for j in range(n):
            state[j] = start
        for t in range(spikes.shape[0]):
            i = current[min(t, last), first : first + n]
            u = potential[t, first : first + n] if kept else scratch[:n]
            _step(i, u, spikes[t, first : first + n], state, decay, th, zero, one, hard, n)


@compiled.compiled
def _run_pooled(
    current: np.ndarray[Any, Any],
    potential: np.ndarray[Any, Any],
    pooled: np.ndarray[Any, Any],
    numbers: np.ndarray[Any, Any],
    hard: bool,
    shape: tuple[int, int, int, int],
    low: int,
    high: int,
) -> None:
    """All steps of the samples ``low .. high``, the mean of the spikes over each window (see :class:`Windows`)."""
    decay, th, start, zero, one, share = numbers
    height, width, channels, size = shape
    last, units, means = current.shape[0] - 1, height * width * channels, (height // size) * (width // size) * channels
    most = compiled.CHUNK // (width * channels) * width * channels
    state, spikes, scratch = np.empty(most, pooled.dtype), np.empty(most, pooled.dtype), np.empty(most, pooled.dtype)
    kept = potential.shape[0] > 0
    for sample in range(low, high):
        for t in range(pooled.shape[0]):
            for j in range(sample * means, (sample + 1) * means):
                pooled[t, j] = zero
        for first in range(sample * units, (sample + 1) * units, most):
            n = min(most, (sample + 1) * units - first)
            for j in range(n):
                state[j] = start
            for t in range(pooled.shape[0]):
                i = current[min(t, last), first : first + n]
                u = potential[t, first : first + n] if kept else scratch[:n]
                _step(i, u, spikes, state, decay, th, zero, one, hard, n)
                _add_to_windows(pooled[t], spikes, first, n, shape, share)


@compiled.compiled
def _add_to_windows(
    total: np.ndarray[Any, Any],
    spikes: np.ndarray[Any, Any],
    first: int,
    n: int,
    shape: tuple[int, int, int, int],
    share: float,
) -> None:
    """Add ``share`` of the n units from ``first`` on, of one step, to their windows. Whole lines of pixels."""
    height, width, channels, size = shape
    line, wide = width * channels, width // size * channels
    for j in range(0, n, line):
        sample, row = (first + j) // line // height, (first + j) // line % height
        base = (sample * (height // size) + row // size) * wide
        means, units = total[base : base + wide], spikes[j : j + line]
        for column in range(width // size):
            for nth in range(size):
                for k in range(channels):
                    means[column * channels + k] += units[(column * size + nth) * channels + k] * share


@compiled.compiled
def _step(
    i: np.ndarray[Any, Any],
    u: np.ndarray[Any, Any],
    s: np.ndarray[Any, Any],
    state: np.ndarray[Any, Any],
    decay: float,
    th: float,
    zero: float,
    one: float,
    hard: bool,
    n: int,
) -> None:
    """One step of n units; ``state`` is v[t-1] on entry and v[t] on return."""
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


class IntegrateAndFire(torch.autograd.Function):
    """``spikes = IntegrateAndFire.apply(current, dynamics, gradient)``.

    repeats: None, or T where the current is one step ``(n, ...)``, the same at each of T steps.
    pool: above 1, means over windows of the spikes.
    """

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, dynamics: Dynamics, gradient: LayerGradient, repeats: int | None = None, pool: int = 1
    ) -> Tensor:
        """Spikes ``(T, n, ...)``, or their means over windows, for a current ``(T, n, ...)``."""
        current_over_time = current if repeats is None else current.expand(repeats, *current.shape)
        keep = bool(ctx.needs_input_grad[0])
        windows = windows_over(current_over_time, pool)
        if windows is None:
            potential, spikes = integrate_and_fire(current_over_time, dynamics, keep=keep)
            output = spikes if pool == 1 else F.avg_pool2d(spikes.flatten(0, 1), pool).unflatten(0, spikes.shape[:2])
        else:
            potential, output = fire_and_pool(current_over_time, dynamics, windows, keep=keep)
        if keep:
            ctx.save_for_backward(potential, current_over_time if gradient.needs_current else None)
        ctx.dynamics, ctx.gradient, ctx.constant = dynamics, gradient, repeats is not None
        ctx.windows, ctx.pool = windows, pool
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Gradient of the current, in its shape, from ``grad``, the gradient of the output; None for the other arguments."""
        potential, current = ctx.saved_tensors
        windows = ctx.windows if getattr(ctx.gradient, "takes_windows", False) else None
        if ctx.pool > 1 and windows is None:
            grad = spread(grad.flatten(0, 1), ctx.pool).unflatten(0, grad.shape[:2])
        trace = Trace(potential, current, ctx.dynamics, ctx.constant, windows)
        current_gradient = ctx.gradient.backward(grad, trace)
        if ctx.constant:
            current_gradient = current_gradient[0] if len(current_gradient) == 1 else current_gradient.sum(0)
        return current_gradient, None, None, None, None
