"""ASSG (adaptive sharpness surrogate gradient, arXiv 2512.22522): a sharpness per neuron and step, learnt on the way.

A surrogate that is too sharp vanishes away from the threshold, one that is too blunt points the wrong
way. With x = u - th, each attack iteration updates, per sample, neuron and time step,

    M <- b1 M + (1 - b1) |x|,   D <- b2 D + (1 - b2) | |x| - M |,   alpha = w / (M + 1.5 D + 1e-4)

with w = (2/pi) tan(pi A / 2), M starting at 1 and D at 0, and differentiates with atan of sharpness alpha,
which keeps the expected vanishing below A. The state belongs to the run: it is kept per sample, begins anew at
each restart, and is frozen for the repeated draws of one EOT query.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from attacks.gradients.base import Bound, GradientPath, LayerGradient, Session, Trace, lent
from attacks.gradients.bptt import through_time
from attacks.gradients.flat import aligned, matrix


@dataclass(frozen=True, kw_only=True)
class ASSG(GradientPath):
    """Sharpness that adapts to each neuron as the attack goes.

    half: A/2, between 0 and 0.5; the paper searches it in 0.35 .. 0.49. beta1, beta2: memory of the two averages.
    """

    half: float = 0.44
    beta1: float = 0.9
    beta2: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.half < 0.5:
            raise ValueError(f"half must lie between 0 and 0.5, got {self.half}")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise ValueError(f"beta1 and beta2 must lie in [0, 1), got {self.beta1} and {self.beta2}")

    @property
    def w(self) -> float:
        """``(2/pi) tan(pi A / 2)``."""
        return 2 / math.pi * math.tan(math.pi * self.half)

    def layer_gradient(self) -> LayerGradient:
        """A layer at the start of its adaptation; a run goes through :meth:`session`."""
        return _AdaptiveSlope(self, None, None, learn=True)

    def session(self, samples: int) -> Session:
        return _AdaptiveSession(self, samples)


@dataclass
class _State:
    """Running averages of one layer, ``(samples, T, ...)``."""

    centre: Tensor
    spread: Tensor


@dataclass
class _AdaptiveSession(Session):
    path: ASSG
    samples: int
    layers: dict[int, _State] = field(default_factory=dict)

    def applied(self, model: nn.Module, rows: Tensor, *, learn: bool) -> AbstractContextManager[Bound]:
        return lent(model, lambda layer: _AdaptiveSlope(self.path, self._memory(layer), rows, learn=learn))

    def forget(self, rows: Tensor) -> None:
        for state in self.layers.values():
            state.centre[rows] = 1.0
            state.spread[rows] = 0.0

    def _memory(self, layer: int) -> _Memory:
        return _Memory(self, layer)


@dataclass(frozen=True)
class _Memory:
    """Where one layer keeps its averages; made when its shape is first seen."""

    session: _AdaptiveSession
    layer: int

    def state(self, potential: Tensor) -> _State:
        if self.layer not in self.session.layers:
            shape = (self.session.samples, potential.shape[0], *potential.shape[2:])
            centre = torch.ones(shape, dtype=potential.dtype, device=potential.device)
            self.session.layers[self.layer] = _State(centre, torch.zeros_like(centre))
        return self.session.layers[self.layer]


@dataclass(frozen=True)
class _AdaptiveSlope:
    """Layer gradient of ASSG for a batch of ``rows``; without a memory, that of a first iteration."""

    path: ASSG
    memory: _Memory | None
    rows: Tensor | None
    learn: bool
    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        x = trace.potential - trace.dynamics.threshold
        centre, deviation = self._averages(x.abs())
        alpha = self.path.w / (centre + 1.5 * deviation + 1e-4)
        slopes = 0.5 * alpha / (1 + (math.pi / 2 * alpha * x) ** 2)
        ready = matrix(aligned(slopes, trace.potential))
        return through_time(grad, trace, lambda u, t, piece: ready[t, piece], attached=True)

    def _averages(self, size: Tensor) -> tuple[Tensor, Tensor]:
        if self.memory is None or self.rows is None:
            return self._updated(torch.ones_like(size), torch.zeros_like(size), size)
        state = self.memory.state(size)
        centre, deviation = state.centre[self.rows].transpose(0, 1), state.spread[self.rows].transpose(0, 1)
        if not self.learn:
            return centre, deviation
        centre, deviation = self._updated(centre, deviation, size)
        state.centre[self.rows], state.spread[self.rows] = centre.transpose(0, 1), deviation.transpose(0, 1)
        return centre, deviation

    def _updated(self, centre: Tensor, deviation: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        centre = self.path.beta1 * centre + (1 - self.path.beta1) * size
        deviation = self.path.beta2 * deviation + (1 - self.path.beta2) * (size - centre).abs()
        return centre, deviation
