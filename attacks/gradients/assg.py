"""ASSG (adaptive sharpness surrogate gradient, arXiv 2512.22522): a sharpness per neuron and step, learnt on the way.

A surrogate that is too sharp vanishes away from the threshold, one that is too blunt points the wrong
way. With x = (u - th) / th, each attack iteration updates, per sample, neuron and time step,

    M <- b1 M + (1 - b1) |x|,   D <- b2 D + (1 - b2) | |x| - M |,   alpha = w / (M + 1.5 D + 1e-4)

with w = (2/pi) tan(pi A / 2), M starting at 1 and D at 0, and differentiates with atan of sharpness alpha,
which keeps the expected vanishing below A. The state belongs to the run: it is kept per sample, begins anew at
each restart, and is frozen for the repeated draws of one EOT query.

The gradient of the reset is dropped, as in the paper's networks; ``reset="attached"`` keeps it. On adversarially trained
networks that is the weaker attack: SA-PGD of 100 steps at 4/255 leaves 14 of 100 images of snn_at standing along it, and 7
without it (half = 0.42).

Deviation: x is in units of the threshold, so that the attack does not depend on the unit that a network uses. The paper
takes u - th itself; the default neurons of its code have threshold 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from attacks.gradients import accelerated, compiled, loops, on_gpu
from attacks.gradients.base import Bound, GradientPath, LayerGradient, Session, Trace, lent
from attacks.gradients.bptt import incoming, through_slopes
from attacks.gradients.flat import dense, like, matrix
from attacks.gradients.spikes.firing import Stepwise
from attacks.gradients.windows import shape_of

if TYPE_CHECKING:
    from attacks.gradients.spikes.sites import SpikeSites


@dataclass(frozen=True, kw_only=True)
class ASSG(GradientPath):
    """Sharpness that adapts to each neuron as the attack goes.

    half: A/2, between 0 and 0.5; the paper searches it in 0.35 .. 0.49. beta1, beta2: memory of the two averages.
    reset: whether the gradient flows through the reset.
    Raises ``ValueError`` for numbers outside of these ranges.
    """

    half: float = 0.44
    beta1: float = 0.9
    beta2: float = 0.9
    reset: Literal["attached", "detached"] = "detached"

    def __post_init__(self) -> None:
        if not 0 < self.half < 0.5:
            raise ValueError(f"half must lie between 0 and 0.5, got {self.half}")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise ValueError(f"beta1 and beta2 must lie in [0, 1), got {self.beta1} and {self.beta2}")
        if self.reset not in ("attached", "detached"):
            raise ValueError(f"reset must be 'attached' or 'detached', not {self.reset!r}")

    @property
    def attached(self) -> bool:
        """Whether the gradient flows through the reset."""
        return self.reset == "attached"

    @property
    def w(self) -> float:
        """``(2/pi) tan(pi A / 2)``."""
        return 2 / math.pi * math.tan(math.pi * self.half)

    def layer_gradient(self) -> LayerGradient:
        """A layer at the start of its adaptation; a run goes through :meth:`session`."""
        return _AdaptiveSlope(self, None, None, learn=True)

    def spike_gradient(self) -> Stepwise:
        """A spike function at the start of its adaptation, likewise."""
        gradient = self.layer_gradient()
        return Stepwise(lambda call: gradient, self.attached)

    def session(self, samples: int) -> Session:
        """The adaptation of a run over ``samples`` rows, from its start."""
        return _AdaptiveSession(self, samples)


_Key = tuple[str, int]
"""Whose averages: of a layer, or of a call of a spike function; and its number."""


@dataclass
class _State:
    """Running averages of one layer, or of one call of a spike function (T = 1): ``(samples, T, F)``.

    The F units are in the memory order of ``like`` ``(...)``.
    """

    centre: Tensor
    spread: Tensor
    like: Tensor


@dataclass
class _AdaptiveSession(Session):
    path: ASSG
    samples: int
    layers: dict[_Key, _State] = field(default_factory=dict)

    def applied(
        self, model: nn.Module, rows: Tensor, *, learn: bool, sites: SpikeSites | None = None
    ) -> AbstractContextManager[Bound]:
        batch = _Batch(rows)

        def of(kind: str) -> Callable[[int], LayerGradient]:
            return lambda number: _AdaptiveSlope(self.path, _Memory(self, (kind, number)), batch, learn=learn)

        spikes = Stepwise(of("call"), self.path.attached)
        return lent(model, of("layer"), self.path.coding, sites=sites, spikes=spikes)

    def forget(self, rows: Tensor) -> None:
        for state in self.layers.values():
            state.centre[rows] = 1.0
            state.spread[rows] = 0.0


@dataclass(frozen=True)
class _Memory:
    """Where one layer, or one call, keeps its averages; made when its shape is first seen."""

    session: _AdaptiveSession
    key: _Key

    def state(self, potential: Tensor) -> _State:
        kept = self.session.layers.get(self.key)
        # A network may change the order of its calls: a call with another shape is another call, and starts anew.
        if kept is None or kept.like.shape != potential.shape[2:]:
            kept = self.session.layers[self.key] = _fresh(potential, self.session.samples)
        return kept


def _fresh(potential: Tensor, samples: int) -> _State:
    # One sample by itself may have gaps: where samples are innermost in memory, its units are far apart.
    sample = dense(potential[0, :1])[0]
    precise = torch.promote_types(potential.dtype, torch.float32)
    # In one piece, so that what a run leaves behind is a gap in memory that the next one fits into.
    averages = potential.new_zeros((2, samples, len(potential), sample.numel()), dtype=precise)
    averages[0] = 1.0
    return _State(averages[0], averages[1], torch.empty_strided(sample.shape, sample.stride(), device="meta"))


@dataclass(frozen=True)
class _Batch:
    """Which rows ``(n,)`` of the run a batch stands for."""

    rows: Tensor

    @cached_property
    def chains(self) -> tuple[Tensor, Tensor]:
        """Entries of the same row (see :func:`attacks.gradients.on_gpu.chains`), for all layers."""
        return on_gpu.chains(self.rows)


@dataclass(frozen=True)
class _AdaptiveSlope:
    """Layer gradient of ASSG for a batch; without a memory, that of a first iteration."""

    path: ASSG
    memory: _Memory | None
    batch: _Batch | None
    learn: bool
    needs_current: bool = False
    takes_windows: bool = True

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        samples = trace.potential.shape[1]
        # A network that takes its batch apart does not say which sample is which: then nothing is remembered.
        if self.memory is None or self.batch is None or len(self.batch.rows) != samples:
            state, batch = _fresh(trace.potential, samples), _Batch(torch.arange(samples, device=grad.device))
        else:
            state, batch = self.memory.state(trace.potential), self.batch
        trace = replace(trace, potential=_in_order(trace.potential, state.like))
        if accelerated.takes(trace):
            return self._on_gpu(grad, trace, state, batch)
        if not compiled.takes(trace):
            return through_slopes(grad, trace, self._slopes(trace, state, batch.rows), attached=self.path.attached)
        return self._compiled(grad, trace, state, batch.rows)

    def _on_gpu(self, grad: Tensor, trace: Trace, state: _State, batch: _Batch) -> Tensor:
        """By a kernel for a GPU."""
        averages, rows = (state.centre, state.spread), (batch.rows, *batch.chains)
        numbers = (self.path.beta1, self.path.beta2, self.path.w)
        choices = {"attached": self.path.attached, "learn": self.learn}
        return on_gpu.through_adaptive_slopes(grad, trace, averages, rows, numbers, **choices)

    def _compiled(self, grad: Tensor, trace: Trace, state: _State, rows: Tensor) -> Tensor:
        """By the compiled loop of a CPU."""
        batch = len(rows)
        result = like(trace.potential, 1 if trace.constant else None)
        potential, out = compiled.array(trace.potential), compiled.array(result)
        dynamics, path = trace.dynamics, self.path
        numbers = compiled.constants(
            potential.dtype,
            dynamics.decay,
            dynamics.threshold,
            0,
            1,
            path.beta1,
            path.beta2,
            path.w,
            1.5,
            1e-4,
            math.pi / 2,
            0.5,
        )
        arrays = (incoming(grad, trace), potential, state.centre.numpy(), state.spread.numpy())
        choices = (dynamics.reset == "hard", path.attached, self.learn, shape_of(trace.windows))
        # A row that occurs twice has one state: then one thread, so that the order in which it learns is fixed.
        least = 1 if torch.get_num_threads() > 1 and len(rows.unique()) == batch else batch
        compiled.in_parallel(
            loops.through_adaptive_slopes, batch, *arrays, rows.numpy(), out, numbers, *choices, least=least
        )
        return result

    def _slopes(self, trace: Trace, state: _State, rows: Tensor) -> Tensor:
        """``(T, n, ...)``, in torch operations."""
        threshold = trace.dynamics.threshold
        x = (trace.potential - threshold) / threshold
        size = matrix(x.abs()).unflatten(1, (len(rows), -1)).transpose(0, 1)
        centre, deviation = state.centre[rows], state.spread[rows]
        if self.learn:
            centre = self.path.beta1 * centre + (1 - self.path.beta1) * size
            deviation = self.path.beta2 * deviation + (1 - self.path.beta2) * (size - centre).abs()
            state.centre[rows], state.spread[rows] = centre, deviation
        alpha = self.path.w / (centre + 1.5 * deviation + 1e-4)
        ready = like(x)
        matrix(ready).copy_(alpha.transpose(0, 1).flatten(1))
        return 0.5 * ready / (1 + (math.pi / 2 * ready * x) ** 2) / threshold


def _in_order(potential: Tensor, sample: Tensor) -> Tensor:
    """``potential`` ``(T, n, ...)``, samples one after another, each laid out as ``sample``; a copy only if they are not."""
    strides = (potential.shape[1] * sample.numel(), sample.numel(), *sample.stride())
    if potential.stride() == strides:
        return potential
    return torch.empty_strided(potential.shape, strides, dtype=potential.dtype, device=potential.device).copy_(potential)
