"""What happens in the pixels of a spike camera before and after they fire, compiled: one pass through memory each.

The charge of a tick with its shot noise, and spikes that come by themselves. The numbers are those that
:func:`attacks.randomness.uniform_like` draws for the same streams, and they are drawn where they are used: in torch
operations each of them costs fifteen passes through memory, and a scene of 32 x 32 x 3 over 32 ticks takes 200,000 of them.
Standard normal numbers are within 5e-6 of the exact quantiles. All operations are rounded in one way only, so that a camera
gives the same bits on every processor.

Float32 on a CPU with numba; callers fall back on torch operations. All loops lie in this file, because numba's cache of a
loop does not notice changes in another file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attacks.gradients import compiled
from attacks.gradients.compiled import CHUNK

_Array = np.ndarray[Any, Any]


def usable(x: Tensor) -> bool:
    """Whether the compiled loops take scenes like ``x``."""
    return compiled.usable(x) and x.dtype == torch.float32


def normal_numbers(keys: Tensor, count: int) -> Tensor:
    """The first ``count`` standard normal numbers of each stream of ``keys`` ``(n,)``: ``(n, count)`` float32.

    As :meth:`attacks.randomness.KeyedRng.normal`, whose last bits are those of the library that inverts the distribution.
    """
    numbers = torch.empty(len(keys), count)
    work, exponent = np.empty(count, np.float32), np.empty(count, np.float32)
    for key, row in zip(keys.numpy().view(np.uint64), numbers.numpy(), strict=True):
        _normal_numbers(key, row, work, exponent, count)
    return numbers


class GatheredCharge(torch.autograd.Function):
    """``charge = GatheredCharge.apply(light, initial, thresholds, keys, numbers, ticks)``, ``(T, N, ...)``.

    light: ``(S, N, ...)``, S being T, or 1 where the scene stays. initial: charge before the first tick ``(N, ...)``.
    thresholds: ``(...)``, as shares of the mean one; None if all are equal. keys: of the shot noise ``(N,)``; None for none.
    numbers: gain, dark, gain / photons, mean threshold. Only ``light`` has a gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        light: Tensor,
        initial: Tensor | None,
        thresholds: Tensor | None,
        keys: Tensor | None,
        numbers: tuple[float, float, float, float],
        ticks: int,
    ) -> Tensor:
        """The charge of each tick; what is above the mean threshold is lost, and ``initial`` is added to the first."""
        steps, rows, pixels = *light.shape[:2], math.prod(light.shape[2:])
        charge = light.new_empty((ticks, *light.shape[1:]))
        kept = ticks if ctx.needs_input_grad[0] else 0
        passing = torch.empty((kept, rows, pixels), dtype=torch.bool)
        scene = light.detach().contiguous().view(steps, rows, pixels)
        start = light.new_empty((0, 0)) if initial is None else initial.contiguous().view(rows, pixels)
        uneven = light.new_empty(0) if thresholds is None else thresholds.contiguous().view(-1)
        streams = torch.empty(0, dtype=torch.int64) if keys is None else keys
        constants = compiled.constants(np.dtype(np.float32), *numbers, 0)
        arrays = [x.numpy() for x in (scene, start, uneven, streams, charge.view(ticks, rows, pixels), passing)]
        compiled.in_parallel(_gather, rows, *arrays, constants, least=1)
        ctx.passing, ctx.thresholds, ctx.gain, ctx.shape = passing, uneven, numbers[0], light.shape
        return charge

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        """Gradient of the light, in its shape, from ``grad`` ``(T, N, ...)``: 0 where a pixel was saturated."""
        ticks, rows, pixels = ctx.passing.shape
        out = grad.new_empty((ctx.shape[0], rows, pixels))
        arrays = [x.numpy() for x in (grad.contiguous().view(ticks, rows, pixels), ctx.passing, ctx.thresholds, out)]
        constants = compiled.constants(np.dtype(np.float32), ctx.gain, 0)
        compiled.in_parallel(_light_gradient, rows, *arrays, constants, least=1)
        return out.view(ctx.shape), None, None, None, None, None


class SpuriousSpikes(torch.autograd.Function):
    """``spikes = SpuriousSpikes.apply(spikes, keys, probability)``, ``(T, N, ...)``: written into its first argument.

    keys: ``(N,)``. Where a spike came by itself there is no gradient.
    """

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, keys: Tensor, probability: float) -> Tensor:
        """Spikes of 0 and 1 and those that come by themselves."""
        ticks, rows = spikes.shape[:2]
        kept = ticks if ctx.needs_input_grad[0] else 0
        ctx.hits = torch.zeros((kept, *spikes.shape[1:]), dtype=torch.bool)
        ctx.mark_dirty(spikes)
        # (bits + 0.5) / 2**23 < p, for a p of float32, as torch compares
        limit = math.ceil(float(np.float32(probability)) * 2**23 - 0.5)
        if limit > 0:
            arrays = (x.view(len(x), rows, math.prod(x.shape[2:])).numpy() for x in (spikes.detach(), ctx.hits))
            compiled.in_parallel(_add_spurious, rows, keys.numpy(), *arrays, np.uint64((limit << 41) - 1), least=1)
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Gradient of the spikes before, from that of those after."""
        return grad.masked_fill(ctx.hits, 0.0), None, None


GOLDEN, MULTIPLY_1, MULTIPLY_2 = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
"""Of splitmix64, as in :mod:`attacks.randomness`."""
S30, S27, S31, S41 = (np.uint64(bits) for bits in (30, 27, 31, 41))
CELL, HALF, ONE, TWO, THREE, FOUR = (np.float32(number) for number in (2.0**-23, 0.5, 1, 2, 3, 4))
LN2 = np.float32(math.log(2))
LEAST_MANTISSA = np.int32(0x3F3504F3)
"""The bits of the square root of 1/2: what is scaled to between it and its double has a small logarithm."""
MANTISSA_BITS = np.int32(23)
L0, L1, L2, L3, L4, L5, L6, L7 = (
    np.float32(number)
    for number in (
        6.43210144e-08,
        1.00000409,
        -0.50001993,
        0.332995979,
        -0.248863783,
        0.206553346,
        -0.188524388,
        0.115895691,
    )
)
"""log(1 + r) for r from -0.293 to 0.414, within 2.3e-7: interpolated at Chebyshev nodes."""
Q0, Q1, Q2, Q3, Q4, Q5 = (
    np.float32(number) for number in (3.23349549, 1.6947567, -0.056081002, -0.0346160352, 0.05661062, -0.0345068691)
)
Q6, Q7, Q8, Q9, Q10 = (
    np.float32(number) for number in (0.000878871551, 0.0125994966, -0.0050018329, -0.00165265646, 0.00102656289)
)
"""The normal quantile of u over 2u - 1, as a polynomial of sqrt(3 - log(4u(1 - u))) - 3, within 3.8e-6 for 23-bit u."""


@compiled.compiled
def _gather(
    light: _Array,
    initial: _Array,
    thresholds: _Array,
    keys: _Array,
    charge: _Array,
    passing: _Array,
    numbers: _Array,
    low: int,
    high: int,
) -> None:
    """The rows ``low .. high`` of :class:`GatheredCharge`. passing: whether light passed on; without ticks, not kept."""
    gain, dark, share, most, zero = numbers
    ticks, pixels = charge.shape[0], charge.shape[2]
    noisy, uneven, held, kept = len(keys) > 0, len(thresholds) > 0, len(initial) > 0, len(passing) > 0
    mean, deviation, normal = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    work, exponent, scratch = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32), np.empty(CHUNK, np.bool_)
    for row in range(low, high):
        for first in range(0, pixels, CHUNK):
            n = min(CHUNK, pixels - first)
            for t in range(ticks):
                now = charge[t, row, first : first + n]
                if t < len(light):
                    scene = light[t, row, first : first + n]
                    for j in range(n):
                        mean[j] = gain * scene[j] + dark
                    if noisy:
                        for j in range(n):
                            variance = mean[j] * share
                            deviation[j] = np.sqrt(variance if variance > zero else zero)
                if noisy:
                    counter = np.uint64(t * pixels + first)
                    _normal_numbers(np.uint64(keys[row]) + counter * GOLDEN, normal, work, exponent, n)
                    for j in range(n):
                        now[j] = mean[j] + deviation[j] * normal[j]
                else:
                    for j in range(n):
                        now[j] = mean[j]
                if uneven:
                    th = thresholds[first : first + n]
                    for j in range(n):
                        now[j] = now[j] / th[j]
                _saturate(now, passing[t, row, first : first + n] if kept else scratch[:n], most, n)
                if held and t == 0:
                    before = initial[row, first : first + n]
                    for j in range(n):
                        now[j] = now[j] + before[j]


@compiled.compiled
def _saturate(charge: _Array, passing: _Array, most: float, n: int) -> None:
    """Cut n charges off at ``most``; ``passing`` says where nothing was lost."""
    for j in range(n):
        passing[j] = charge[j] <= most
    for j in range(n):
        charge[j] = charge[j] if charge[j] <= most else most


@compiled.compiled
def _normal_numbers(start: np.uint64, normal: _Array, work: _Array, exponent: _Array, n: int) -> None:
    """The first n standard normal numbers of the stream whose counter is at ``start``, by inverting the distribution.

    With u uniform and v = 4u(1 - u) they are (2u - 1) Q(sqrt(3 - log v) - 3). The logarithm comes from the exponent of v
    and a polynomial of its mantissa: loops of plain operations, which vectorise.
    """
    bits = work.view(np.int32)
    for j in range(n):
        x = start + np.uint64(j + 1) * GOLDEN
        x = (x ^ (x >> S30)) * MULTIPLY_1
        x = (x ^ (x >> S27)) * MULTIPLY_2
        u = (np.float32(np.int32((x ^ (x >> S31)) >> S41)) + HALF) * CELL
        normal[j] = TWO * u - ONE
        work[j] = FOUR * u * (ONE - u)
    for j in range(n):
        power = np.int32((bits[j] - LEAST_MANTISSA) >> MANTISSA_BITS)
        exponent[j] = np.float32(power)
        bits[j] = bits[j] - (power << MANTISSA_BITS)
    for j in range(n):
        r = work[j] - ONE
        log = ((((((L7 * r + L6) * r + L5) * r + L4) * r + L3) * r + L2) * r + L1) * r + L0
        s = np.sqrt(THREE - (exponent[j] * LN2 + log)) - THREE
        upper = ((((Q10 * s + Q9) * s + Q8) * s + Q7) * s + Q6) * s + Q5
        normal[j] = normal[j] * (((((upper * s + Q4) * s + Q3) * s + Q2) * s + Q1) * s + Q0)


@compiled.compiled
def _light_gradient(
    grad: _Array, passing: _Array, thresholds: _Array, out: _Array, numbers: _Array, low: int, high: int
) -> None:
    """The rows ``low .. high`` of the gradient of the light, summed over the ticks where ``out`` has but one."""
    gain, zero = numbers
    ticks, pixels, steps = grad.shape[0], grad.shape[2], out.shape[0]
    uneven = len(thresholds) > 0
    for row in range(low, high):
        for first in range(0, pixels, CHUNK):
            n = min(CHUNK, pixels - first)
            for t in range(ticks):
                g, through = grad[t, row, first : first + n], passing[t, row, first : first + n]
                if t < steps:
                    total = out[t, row, first : first + n]
                    for j in range(n):
                        total[j] = zero
                for j in range(n):
                    total[j] = total[j] + (g[j] if through[j] else zero)
            for t in range(steps):
                total = out[t, row, first : first + n]
                for j in range(n):
                    total[j] = total[j] * gain
                if uneven:
                    th = thresholds[first : first + n]
                    for j in range(n):
                        total[j] = total[j] / th[j]


@compiled.compiled
def _add_spurious(keys: _Array, spikes: _Array, hits: _Array, last: np.uint64, low: int, high: int) -> None:
    """Spikes by themselves in the rows ``low .. high``, wherever the hash of a tick and pixel is up to ``last``."""
    ticks, pixels, kept = spikes.shape[0], spikes.shape[2], len(hits) > 0
    one = np.float32(1)
    for row in range(low, high):
        for t in range(ticks):
            start = np.uint64(keys[row]) + np.uint64(t * pixels) * GOLDEN
            fired = spikes[t, row]
            for j in range(pixels):
                x = start + np.uint64(j + 1) * GOLDEN
                x = (x ^ (x >> S30)) * MULTIPLY_1
                x = (x ^ (x >> S27)) * MULTIPLY_2
                by_itself = (x ^ (x >> S31)) <= last
                fired[j] = one if by_itself else fired[j]
                if kept:
                    hits[t, row, j] = by_itself
