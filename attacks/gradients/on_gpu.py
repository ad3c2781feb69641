"""The backward through time on a GPU: what :mod:`attacks.gradients.bptt` and ASSG ask of the Triton kernels.

None of these functions waits for the GPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from attacks.gradients import accelerated
from attacks.gradients.base import Trace
from attacks.gradients.flat import aligned, like, matrix
from attacks.gradients.surrogates import SURROGATES, Surrogate
from attacks.gradients.windows import shape_of

LOOPS = "attacks.gradients.triton_loops"

FAMILIES = {
    "rectangle": 0,
    "triangle": 1,
    "atan": 2,
    "fast_sigmoid": 3,
    "sigmoid": 4,
    "exponential": 5,
    "gaussian": 6,
    "straight_through": 7,
}
"""Numbers of the surrogates in the kernels."""

if FAMILIES.keys() != SURROGATES.keys():
    raise RuntimeError("the Triton kernels and attacks.gradients.surrogates know different surrogates")


def through_surrogate(grad: Tensor, trace: Trace, surrogate: Surrogate, *, attached: bool) -> Tensor:
    """As :func:`attacks.gradients.bptt.through_surrogate`: ``dL/dcurrent``, laid out as the potential is."""
    kernel = _Launch(grad, trace)
    height, wide, channels, size = shape_of(trace.windows)
    threshold = kernel.threshold
    numbers = (trace.dynamics.decay, threshold, 1 / threshold, surrogate.effective_width, height, wide, channels)
    kernel(
        "through_surrogate",
        (accelerated.programs(kernel.units, kernel.block),),
        (kernel.grad, kernel.potential, kernel.out),
        (kernel.units, *kernel.steps),
        numbers,
        FAMILY=FAMILIES[surrogate.name],
        ATTACHED=attached,
        SIZE=size,
    )
    return kernel.result


def through_slopes(grad: Tensor, trace: Trace, slopes: Tensor, *, attached: bool) -> Tensor:
    """As :func:`attacks.gradients.bptt.through_slopes`: ``dL/dcurrent`` for given ``ds/du`` ``(T, n, ...)``."""
    kernel = _Launch(grad, trace)
    kernel(
        "through_slopes",
        (accelerated.programs(kernel.units, kernel.block),),
        (kernel.grad, kernel.potential, matrix(aligned(slopes, trace.potential)).contiguous(), kernel.out),
        (kernel.units, *kernel.steps),
        (trace.dynamics.decay, kernel.threshold),
        ATTACHED=attached,
    )
    return kernel.result


def through_adaptive_slopes(
    grad: Tensor,
    trace: Trace,
    state: tuple[Tensor, Tensor],
    rows: tuple[Tensor, Tensor, Tensor],
    numbers: tuple[float, float, float],
    *,
    attached: bool,
    learn: bool,
) -> Tensor:
    """``dL/dcurrent`` with the slopes of ASSG.

    trace: samples one after another. state: centre and spread ``(samples, T, F)``, updated in place if ``learn``.
    rows: where each sample's state is ``(n,)``, and the :func:`chains` of that. numbers: beta1, beta2 and w.
    """
    kernel = _Launch(grad, trace)
    features = state[0].shape[2]
    height, wide, channels, size = shape_of(trace.windows)
    threshold = kernel.threshold
    kernel(
        "through_adaptive_slopes",
        (len(rows[0]), accelerated.programs(features, kernel.block)),
        (kernel.grad, kernel.potential, *state, *rows, kernel.out),
        (features, kernel.units, *kernel.steps),
        (trace.dynamics.decay, threshold, 1 / threshold, *numbers, height, wide, channels),
        ATTACHED=attached,
        LEARN=learn,
        SIZE=size,
    )
    return kernel.result


def chains(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Entries of ``rows`` ``(n,)`` that are equal, as chains in their order: heads and followers, ``(n,)`` each.

    An entry is its own head if it is the first of its kind, otherwise its head is -1. The follower of an entry is the next
    of its kind, or -1. So 3, 5, 3 gives 0, 1, -1 and 2, -1, -1.
    """
    order = rows.argsort(stable=True)
    equal = rows[order[1:]] == rows[order[:-1]]
    heads, following = torch.arange(len(rows), device=rows.device), torch.full_like(rows, -1)
    heads[order[1:]] = torch.where(equal, -1, order[1:])
    following[order[:-1]] = torch.where(equal, order[1:], -1)
    return heads, following


class _Launch:
    """What all kernels share: the trace as matrices, the result, and where the last steps begin."""

    def __init__(self, grad: Tensor, trace: Trace) -> None:
        layout = trace.potential if trace.windows is None else trace.windows.pooled(trace.potential)
        self.trace = trace
        self.grad, self.potential = matrix(aligned(grad, layout)), matrix(trace.potential)
        self.result = like(trace.potential, 1 if trace.constant else None)
        self.out = matrix(self.result)
        self.block = accelerated.block(self.potential)
        self.steps_in_all, self.units = self.potential.shape
        before_last, step_of_grad = self.steps_in_all - 1, self.grad.stride(0)
        self.threshold = accelerated.rounded(trace.dynamics.threshold, trace.potential.dtype)
        self.steps = (before_last * self.units, step_of_grad, before_last * step_of_grad)

    def __call__(self, kernel: str, grid: tuple[int, ...], *arguments: tuple[Any, ...], **choices: Any) -> None:
        """Run ``kernel`` for each point of ``grid``. arguments: groups of tensors and of numbers."""
        flat = (argument for group in arguments for argument in group)
        accelerated.launch(
            LOOPS,
            kernel,
            grid,
            self.potential.device,
            *flat,
            STEPS=self.steps_in_all,
            HARD=self.trace.dynamics.reset == "hard",
            SUMMED=self.trace.constant and self.steps_in_all > 1,
            BLOCK=self.block,
            **choices,
        )
