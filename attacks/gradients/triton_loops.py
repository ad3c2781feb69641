"""Backward loops through time as Triton kernels.

They are the loops of :mod:`attacks.gradients.loops` for a GPU, with every family of surrogates. A program takes a block of
units through all time steps and keeps what is carried from step to step in registers, so that each tensor is read or written
once. Only :mod:`attacks.gradients.accelerated` may import this module, because it imports Triton.

All kernels take matrices ``(T, M)`` in memory order. ``last_of_grad`` and ``last`` are where their last steps begin, as a
product of two 32-bit numbers may be too large for one. Where ``SUMMED``, ``out`` has one step, the sum over all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import triton
import triton.language as tl

jit = cast(Callable[[Callable[..., Any]], Any], triton.jit)
"""``triton.jit``, which has no types."""


@jit
def add_one(x):
    """The smallest kernel, by which it is found out whether there can be any."""
    tl.store(x, tl.load(x) + 1)


@jit
def through_surrogate(
    grad,
    potential,
    out,
    units,
    last,
    step_of_grad,
    last_of_grad,
    decay,
    th,
    per_th,
    width,
    height,
    wide,
    channels,
    STEPS: tl.constexpr,
    FAMILY: tl.constexpr,
    HARD: tl.constexpr,
    ATTACHED: tl.constexpr,
    SUMMED: tl.constexpr,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """BPTT with a surrogate. FAMILY: its number in :data:`attacks.gradients.on_gpu.FAMILIES`.

    height, wide, channels, SIZE: of windows (see :mod:`attacks.gradients.windows`) whose means ``grad`` belongs to, if SIZE
    is above 1. per_th: 1 / threshold.
    """
    unit = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = unit < units
    arriving, share = _arriving(unit, height, wide, channels, SIZE), 1.0 / (SIZE * SIZE)
    here, arriving = unit + last, arriving + last_of_grad
    carried = tl.full((BLOCK,), 0.0, tl.float32)
    total = tl.full((BLOCK,), 0.0, tl.float32)
    for _ in range(STEPS):
        e = tl.load(grad + arriving, mask=inside, other=0.0).to(tl.float32) * share
        u = tl.load(potential + here, mask=inside, other=0.0).to(tl.float32)
        slope = _slope((u - th) * per_th, per_th, width, FAMILY)
        to_current = _step_back(e, u, slope, carried, th, HARD, ATTACHED)
        carried = decay * to_current
        if SUMMED:
            total += to_current
        else:
            tl.store(out + here, to_current, mask=inside)
        here -= units
        arriving -= step_of_grad
    if SUMMED:
        tl.store(out + unit, total, mask=inside)


@jit
def through_slopes(
    grad,
    potential,
    slopes,
    out,
    units,
    last,
    step_of_grad,
    last_of_grad,
    decay,
    th,
    STEPS: tl.constexpr,
    HARD: tl.constexpr,
    ATTACHED: tl.constexpr,
    SUMMED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """BPTT with given slopes ``(T, M)``."""
    unit = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = unit < units
    here, arriving = unit + last, unit + last_of_grad
    carried = tl.full((BLOCK,), 0.0, tl.float32)
    total = tl.full((BLOCK,), 0.0, tl.float32)
    for _ in range(STEPS):
        e = tl.load(grad + arriving, mask=inside, other=0.0).to(tl.float32)
        u = tl.load(potential + here, mask=inside, other=0.0).to(tl.float32)
        slope = tl.load(slopes + here, mask=inside, other=0.0).to(tl.float32)
        to_current = _step_back(e, u, slope, carried, th, HARD, ATTACHED)
        carried = decay * to_current
        if SUMMED:
            total += to_current
        else:
            tl.store(out + here, to_current, mask=inside)
        here -= units
        arriving -= step_of_grad
    if SUMMED:
        tl.store(out + unit, total, mask=inside)


@jit
def through_adaptive_slopes(
    grad,
    potential,
    centre,
    spread,
    rows,
    heads,
    following,
    out,
    features,
    units,
    last,
    step_of_grad,
    last_of_grad,
    decay,
    th,
    per_th,
    beta1,
    beta2,
    w,
    height,
    wide,
    channels,
    STEPS: tl.constexpr,
    HARD: tl.constexpr,
    ATTACHED: tl.constexpr,
    SUMMED: tl.constexpr,
    LEARN: tl.constexpr,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """BPTT with the slopes of ASSG (see :mod:`attacks.gradients.assg`). A program takes ``BLOCK`` units of a sample.

    centre, spread: state ``(samples, T, F)``, updated if LEARN. rows: ``(n,)``, where each sample's state is.
    heads, following: samples that share a row, as chains (see :func:`attacks.gradients.on_gpu.chains`).
    """
    feature = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = feature < features
    share = 1.0 / (SIZE * SIZE)
    sample = tl.load(heads + tl.program_id(0))
    while sample >= 0:
        unit = sample * features + feature
        arriving = _arriving(unit, height, wide, channels, SIZE) + last_of_grad
        here = unit + last
        state = (tl.load(rows + sample) * STEPS + (STEPS - 1)) * features + feature
        carried = tl.full((BLOCK,), 0.0, tl.float32)
        total = tl.full((BLOCK,), 0.0, tl.float32)
        for _ in range(STEPS):
            e = tl.load(grad + arriving, mask=inside, other=0.0).to(tl.float32) * share
            u = tl.load(potential + here, mask=inside, other=0.0).to(tl.float32)
            m = tl.load(centre + state, mask=inside, other=1.0).to(tl.float32)
            d = tl.load(spread + state, mask=inside, other=0.0).to(tl.float32)
            x = (u - th) * per_th
            if LEARN:
                m = beta1 * m + (1.0 - beta1) * tl.abs(x)
                d = beta2 * d + (1.0 - beta2) * tl.abs(tl.abs(x) - m)
                tl.store(centre + state, m, mask=inside)
                tl.store(spread + state, d, mask=inside)
            alpha = w / (m + 1.5 * d + 1e-4)
            curve = 1.5707963267948966 * alpha * x
            slope = 0.5 * alpha / (1.0 + curve * curve) * per_th
            to_current = _step_back(e, u, slope, carried, th, HARD, ATTACHED)
            carried = decay * to_current
            if SUMMED:
                total += to_current
            else:
                tl.store(out + here, to_current, mask=inside)
            here -= units
            arriving -= step_of_grad
            state -= features
        if SUMMED:
            tl.store(out + unit, total, mask=inside)
        sample = tl.load(following + sample)


@jit
def _arriving(unit, height, wide, channels, SIZE: tl.constexpr):
    """Where the gradient of each unit lies within a step: at its own place, or at that of its window."""
    if SIZE == 1:
        where = unit
    else:
        pixel = unit // channels
        line = pixel // wide
        row = line // height * (height // SIZE) + line % height // SIZE
        where = (row * (wide // SIZE) + pixel % wide // SIZE) * channels + unit % channels
    return where


@jit
def _step_back(e, u, slope, carried, th, HARD: tl.constexpr, ATTACHED: tl.constexpr):
    """``dL/du[t]``; ``carried`` is ``dL/dv[t]``."""
    if HARD:
        past = tl.where(u >= th, 0.0, carried)
        reset = carried * u
    else:
        past = carried
        reset = carried * th
    if ATTACHED:
        e = e - reset
    return e * slope + past


@jit
def _slope(x, per_th, width, FAMILY: tl.constexpr):
    """``ds/du`` at ``x = (u - th) / th``, as in :mod:`attacks.gradients.surrogates`."""
    if FAMILY == 0:
        slope = tl.where(2.0 * tl.abs(x) < width, per_th / width, 0.0)
    elif FAMILY == 1:
        slope = tl.maximum(width - tl.abs(x), 0.0) * (per_th / (width * width))
    elif FAMILY == 2:
        curve = x * (1.5707963267948966 / width)
        slope = (0.5 * per_th / width) / (1.0 + curve * curve)
    elif FAMILY == 3:
        far = 1.0 + tl.abs(x) / width
        slope = per_th / (far * far)
    elif FAMILY == 4:
        # The logistic function is even in its slope: the exponent is never positive, and nothing overflows.
        small = tl.exp(-tl.abs(x) / width)
        slope = small / ((1.0 + small) * (1.0 + small)) * (per_th / width)
    elif FAMILY == 5:
        slope = tl.exp(-tl.abs(x) / width) * per_th
    elif FAMILY == 6:
        far = x / width
        slope = tl.exp(-0.5 * far * far) * (0.3989422804014327 * per_th / width)
    else:
        slope = x * 0.0 + per_th
    return slope
