"""Leaky integrate-and-fire over all time steps as Triton kernels: what :mod:`zoo.spiking.kernels` does on a GPU.

A program takes a block of units through all steps and keeps their state in registers. The potential is rounded to the dtype
of the tensors before it is compared with the threshold, so that spikes do not depend on whether the potential is kept.
Only :mod:`attacks.gradients.accelerated` may import this module, because it imports Triton.
"""

from __future__ import annotations

import triton.language as tl

from attacks.gradients.triton_loops import jit


@jit
def fire(
    current,
    potential,
    spikes,
    units,
    step_of_current,
    decay,
    th,
    start,
    STEPS: tl.constexpr,
    HARD: tl.constexpr,
    KEEP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """All steps of ``BLOCK`` units. Matrices ``(T, M)`` in memory order; potential: written if KEEP."""
    unit = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = unit < units
    source, here = unit, unit
    state = tl.full((BLOCK,), 0.0, tl.float32) + start
    for _ in range(STEPS):
        i = tl.load(current + source, mask=inside, other=0.0)
        u = (i.to(tl.float32) + decay * state).to(i.dtype)
        now = u.to(tl.float32)
        fired = now >= th
        if KEEP:
            tl.store(potential + here, u, mask=inside)
        tl.store(spikes + here, tl.where(fired, 1.0, 0.0), mask=inside)
        state = _reset(now, fired, th, HARD)
        here += units
        source += step_of_current


@jit
def fire_and_pool(
    current,
    potential,
    pooled,
    units,
    means,
    step_of_current,
    decay,
    th,
    start,
    height,
    wide,
    channels,
    STEPS: tl.constexpr,
    HARD: tl.constexpr,
    KEEP: tl.constexpr,
    SIZE: tl.constexpr,
    PLACES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """All steps of ``BLOCK`` windows of SIZE x SIZE units over ``height`` x ``wide`` pixels of ``channels``.

    units, means: of one step. PLACES: a power of two not below SIZE squared.
    """
    mean = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = mean < means
    place = tl.arange(0, PLACES)[:, None]
    pixel = mean // channels
    line = pixel // (wide // SIZE)
    row = line // (height // SIZE) * height + line % (height // SIZE) * SIZE
    column = pixel % (wide // SIZE) * SIZE
    unit = ((row[None, :] + place // SIZE) * wide + column[None, :] + place % SIZE) * channels + (mean % channels)[None, :]
    inside = there[None, :] & (place < SIZE * SIZE)
    source, here = unit, unit
    state = tl.full((PLACES, BLOCK), 0.0, tl.float32) + start
    for _ in range(STEPS):
        i = tl.load(current + source, mask=inside, other=0.0)
        u = (i.to(tl.float32) + decay * state).to(i.dtype)
        now = u.to(tl.float32)
        fired = now >= th
        if KEEP:
            tl.store(potential + here, u, mask=inside)
        # Places beyond the window hold no unit, but a potential that decays from the start may lie above the threshold.
        sums = tl.sum(tl.where(fired & inside, 1.0, 0.0), axis=0)
        tl.store(pooled + mean, sums * (1.0 / (SIZE * SIZE)), mask=there)
        state = _reset(now, fired, th, HARD)
        here += units
        source += step_of_current
        mean += means


@jit
def _reset(now, fired, th, HARD: tl.constexpr):
    """The potential after the reset."""
    after = 0.0 if HARD else now - th
    return tl.where(fired, after, now)
