"""One call of a spike function as a gradient path sees it, and paths that need no more than one step at a time.

Backpropagation through time with a surrogate is local at this level: the network's own operations carry the gradient
through time, and a path only says what ``ds/du`` is. A layer gradient of that kind, given a trace of a single step,
therefore answers for a call, with the same kernels and the same formulas as for our own layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from attacks.gradients.base import Dynamics, LayerGradient, Trace
from attacks.gradients.flat import dense
from attacks.gradients.spikes.inventory import Call
from attacks.gradients.spikes.steps import Step


@dataclass(frozen=True)
class Firing:
    """A call while its gradient is due.

    number: of the call in its forward. compared: what the function compared with its cuts, detached. unit: the threshold
    as a tensor, where the network handed it over as one.
    """

    number: int
    call: Call
    step: Step
    compared: Tensor
    unit: Tensor | None = None

    @property
    def threshold(self) -> float:
        """Where :meth:`potential` fires."""
        return 1.0 if self.call.unit is None else self.call.unit

    def potential(self) -> Tensor:
        """The membrane potential ``(T, n, ...)``, T the steps of this one call: a spike from :attr:`threshold` on.

        Of several cuts, the nearest one is put there.
        """
        x = self.step.nearest(self.compared)
        if self.unit is not None:
            x = (x - self.step.cut) / self.unit + 1
        elif self.threshold != self.step.cut:
            x = x + (self.threshold - self.step.cut)
        return dense(self.call.layout.by_step(x))

    def through(self, gradient: SpikeGradient, grad: Tensor, memory: Any) -> Tensor:
        """``dL/dcompared`` for ``grad = dL/dspikes``, both of the shape of the call."""
        layout = self.call.layout
        slope = layout.back(gradient.backward(layout.by_step(grad), self, memory))
        if self.unit is not None:
            slope = slope / self.unit
        return slope if self.step.height == 1 else slope * self.step.height


class SpikeGradient(Protocol):
    """``ds/du`` of every spike function of a network, as an attacker chose it."""

    @property
    def attached(self) -> bool:
        """Whether the gradient flows through the reset, where the network lets it."""
        ...

    def remember(self, firing: Firing, past: Any) -> Any:
        """What :meth:`backward` needs of the forward so far; ``past`` is what was returned at the layer's step before."""
        ...

    def backward(self, grad: Tensor, firing: Firing, memory: Any) -> Tensor:
        """``dL/du`` from ``grad = dL/ds``, both ``(T, n, ...)``, for a function that jumps by 1."""
        ...


@dataclass(frozen=True)
class Stepwise:
    """The spike gradient of a layer gradient that is local but for the recursion through time.

    gradient_of: the layer gradient of the call of a given number.
    """

    gradient_of: Callable[[int], LayerGradient]
    attached: bool

    def remember(self, firing: Firing, past: Any) -> None:
        """None: a layer gradient that is local needs no past."""
        return None

    def backward(self, grad: Tensor, firing: Firing, memory: Any) -> Tensor:
        """``dL/du`` from ``dL/ds``, both ``(T, n, ...)``, as of T layers of one step."""
        potential = firing.potential()
        trace = Trace(_as_one_step(potential), None, Dynamics(threshold=firing.threshold))
        slope = self.gradient_of(firing.number).backward(_as_one_step(grad), trace)
        return slope if len(potential) == 1 else slope[0].transpose(0, 1)


def _as_one_step(x: Tensor) -> Tensor:
    """``(T, n, ...)`` as ``(1, n, T, ...)``: no potential of one step comes from the one before."""
    return x if len(x) == 1 else dense(x.transpose(0, 1).unsqueeze(0))
