"""Signals that are the same at every step.

Direct encoding feeds one image T times. Such a signal is an *expanded* tensor ``(T, N, ...)``, which costs no memory, and
it keeps a reference to the step it repeats: with ``signal[0]`` instead, the backward would fill T steps with zeros and
add them up (2 ms of 76 for an input gradient of the compact network, one core, batch 64, T = 4).
"""

from __future__ import annotations

from typing import cast

from torch import Tensor


def repeated(step: Tensor, steps: int) -> Tensor:
    """``step`` ``(N, ...)`` at each of ``steps`` time steps, ``(steps, N, ...)``, without copies."""
    signal = step.expand(steps, *step.shape)
    signal.step = step  # type: ignore[attr-defined]
    return signal


def constant_in_time(x: Tensor) -> bool:
    """Whether ``x`` ``(T, N, ...)`` is one step, expanded."""
    return x.shape[0] == 1 or x.stride(0) == 0


def the_step(x: Tensor) -> Tensor:
    """The step ``(N, ...)`` that a constant signal repeats."""
    known = getattr(x, "step", None)
    return x[0] if known is None else cast(Tensor, known)
