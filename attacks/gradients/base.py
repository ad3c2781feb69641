"""The hook by which an attacker chooses how spikes are differentiated.

A spiking layer computes its forward as ever and keeps a :class:`Trace` of it. What
turns ``dL/dspikes`` into ``dL/dcurrent`` is a :class:`LayerGradient`, read during
*forward* and kept in the autograd context, so a backward that runs after the block
is still right. ``with path.applied(model) as bound:`` hands every layer that can take
one its gradient; ``bound.layers`` says how many did. Nothing in the forward depends on
the path: same kernel, same shape, same bits.

That hook needs a layer that runs all time steps and hands over its trace. Networks of others have another one: the spike
function, called once per layer and time step (see :mod:`attacks.gradients.spikes`). ``path.applied(model, sites=...)``
works there too, for the paths that say what a spike gradient is.

Outside any block a layer, or a spike function, uses the gradient it was trained with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeGuard, runtime_checkable

from torch import Tensor, nn

from attacks.gradients.windows import Windows

if TYPE_CHECKING:
    from attacks.gradients.spikes.firing import SpikeGradient
    from attacks.gradients.spikes.sites import SpikeSites

Reset = Literal["hard", "soft"]
Coding = Literal["smooth", "straight_through", "masked"]
"""How the staircase of an encoder is differentiated: as if blurred by one level, as if the intensity itself were sent at
each step, or through the emitted spikes alone. A filter of events takes one too: what one event more or less changes, as if
all events were kept, or through those kept alone."""


@dataclass(frozen=True)
class Dynamics:
    """Constants of a layer of leaky integrate-and-fire neurons.

    ``u[t] = decay * v[t-1] + current[t]``; ``s[t] = 1[u[t] >= threshold]``; then
    ``v[t] = u[t] * (1 - s[t])`` (hard) or ``u[t] - threshold * s[t]`` (soft). ``v[-1] = start``.
    """

    decay: float = 1.0
    threshold: float = 1.0
    reset: Reset = "hard"
    start: float = 0.0


@dataclass(frozen=True)
class Adaptation:
    """How the thresholds of neurons moved from the constant one: ``th[t] = th[t-1] + rate * (u[t] - anchor[t])``.

    membrane: u, ``(T, n, ...)``. rate: ``(T, n, ...)``, the same at each step.
    """

    membrane: Tensor
    rate: Tensor


@dataclass(frozen=True)
class Trace:
    """What a layer remembers of one forward; all tensors ``(T, n, ...)``.

    potential: what is compared with the constant threshold: the membrane potential before the reset, ``u``, less what the
        threshold has moved where it moves.
    current: the input; None unless the layer gradient asked for it.
    constant: whether the input was the same at each step. What a layer gradient returns is then summed over the steps;
        it may as well return the sum itself, ``(1, n, ...)``, and spare writing T steps.
    leaks: None, or what each neuron keeps of its potential at each step, laid out as the potential, where that is not one
        number; ``dynamics.decay`` then counts for nothing.
    windows: None, or windows over which the spikes were averaged; the gradient that arrives is then that of the means,
        one for each window. Only a layer gradient whose ``takes_windows`` is true is ever given them.
    adaptation: None, or how thresholds moved that are not constant.
    """

    potential: Tensor
    current: Tensor | None
    dynamics: Dynamics
    constant: bool = False
    windows: Windows | None = None
    leaks: Tensor | None = None
    adaptation: Adaptation | None = None

    @property
    def same_at_each_step(self) -> bool:
        """Whether all neurons have one leak and one threshold at all steps, the only ones that compiled loops know."""
        return self.leaks is None and self.adaptation is None

    @property
    def spikes(self) -> Tensor:
        """0 or 1, ``(T, n, ...)``."""
        return (self.potential >= self.dynamics.threshold).to(self.potential.dtype)


class LayerGradient(Protocol):
    """dL/dcurrent of one spiking layer. An attribute ``takes_windows`` says whether it knows :attr:`Trace.windows`."""

    @property
    def needs_current(self) -> bool:
        """Whether :attr:`Trace.current` must be kept."""
        ...

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)`` from ``grad = dL/dspikes`` of the same shape; see :attr:`Trace.constant`."""
        ...


@runtime_checkable
class TakesGradientPath(Protocol):
    """A layer (ours or foreign) whose backward the attacker may replace."""

    def take_gradient(self, gradient: LayerGradient | None) -> LayerGradient | None:
        """Use ``gradient`` from the next forward on (None: the layer's own). Returns the one before."""
        ...


@runtime_checkable
class TakesCoding(Protocol):
    """An encoder, or a filter of events, whose backward the attacker may replace."""

    def take_coding(self, coding: Coding | None) -> Coding | None:
        """Use ``coding`` from the next forward on (None: the encoder's own). Returns the one before."""
        ...


def has_gradient_path(module: nn.Module) -> TypeGuard[TakesGradientPath]:
    """Whether it is a :class:`TakesGradientPath`.

    A class is asked, not its instance: the answer is then remembered, and takes 0.1 microseconds in the place of 8, which is
    1% of a gradient through a small network.
    """
    return issubclass(type(module), TakesGradientPath)


def has_coding(module: nn.Module) -> TypeGuard[TakesCoding]:
    """Whether it is a :class:`TakesCoding`; asked as by :func:`has_gradient_path`."""
    return issubclass(type(module), TakesCoding)


@dataclass
class Bound:
    """A path at work on a model.

    layers: how many layers took it. encoders: how many encoders. functions: how many spike functions of a stranger's
    network took it, of how many that are known (steps that nobody can control included).
    """

    layers: int
    encoders: int = 0
    functions: int = 0
    functions_found: int = 0


@contextmanager
def lent(
    model: nn.Module,
    gradient_of: Callable[[int], LayerGradient | None],
    coding: Coding | None = None,
    *,
    sites: SpikeSites | None = None,
    spikes: SpikeGradient | None = None,
    own: bool = False,
) -> Iterator[Bound]:
    """Hand each spiking layer of ``model`` (numbered in module order) a gradient, and each encoder a coding, in the block.

    sites: the spike functions of the model that lie outside of such layers. spikes: their gradient; None for their own.
    own: whether their own is what the path asks for, so that they count as having taken it.
    On leaving, everything has back what it had before, whatever happened inside.
    """
    layers: list[tuple[TakesGradientPath, LayerGradient | None]] = []
    encoders: list[tuple[TakesCoding, Coding | None]] = []
    try:
        for module in model.modules():
            if has_gradient_path(module):
                layers.append((module, module.take_gradient(gradient_of(len(layers)))))
            if has_coding(module):
                encoders.append((module, module.take_coding(coding)))
        bound = Bound(layers=len(layers), encoders=len(encoders))
        if sites is None:
            yield bound
            return
        bound.functions = sites.controlled if own or spikes is not None else 0
        bound.functions_found = sites.found
        with sites.controlled_by(model, spikes):
            yield bound
    finally:
        for encoder, own_coding in reversed(encoders):
            encoder.take_coding(own_coding)
        for layer, own_gradient in reversed(layers):
            layer.take_gradient(own_gradient)


class Session(ABC):
    """A path at work for one run over N samples. Whatever a path learns on the way is kept here, per sample."""

    @abstractmethod
    def applied(
        self, model: nn.Module, rows: Tensor, *, learn: bool, sites: SpikeSites | None = None
    ) -> AbstractContextManager[Bound]:
        """Use the path for a batch that stands for ``rows`` ``(n,)``.

        learn: whether an adaptive path may update its state (not for the repeated draws of one EOT query).
        sites: the spike functions of a stranger's network.
        """

    def forget(self, rows: Tensor) -> None:  # noqa: B027  (most paths remember nothing)
        """Begin anew for ``rows`` ``(n,)``: a fresh start of an attack."""

    def views(self) -> tuple[Session, ...]:
        """Sessions whose input gradients are averaged, each with its own forward and backward; mostly this one alone."""
        return (self,)


@dataclass(frozen=True, kw_only=True)
class GradientPath(ABC):
    """A frozen choice of how to differentiate through spikes.

    coding: how encoders that send an intensity as spikes, and filters of events, are differentiated; None for their own way.
    """

    coding: Coding | None = None

    @property
    def is_own(self) -> bool:
        """Whether spikes keep the model's own gradient, so that the path is for models without spikes too."""
        return False

    @abstractmethod
    def layer_gradient(self) -> LayerGradient | None:
        """The gradient for one layer; None leaves the layer's own."""

    def spike_gradient(self) -> SpikeGradient | None:
        """The gradient of the spike functions of others; None for a path that is defined for whole layers only."""
        return None

    def applied(self, model: nn.Module, *, sites: SpikeSites | None = None) -> AbstractContextManager[Bound]:
        """Make the spiking layers of ``model``, and the spike functions in ``sites``, use this path inside the block.

        See :func:`lent`.
        """
        own = isinstance(self, Training)
        return lent(
            model, lambda layer: self.layer_gradient(), self.coding, sites=sites, spikes=self.spike_gradient(), own=own
        )

    def session(self, samples: int) -> Session:
        """The path for a run over ``samples`` rows."""
        return _Stateless(self)


@dataclass(frozen=True)
class _Stateless(Session):
    path: GradientPath

    def applied(
        self, model: nn.Module, rows: Tensor, *, learn: bool, sites: SpikeSites | None = None
    ) -> AbstractContextManager[Bound]:
        return self.path.applied(model, sites=sites)


@dataclass(frozen=True, kw_only=True)
class Training(GradientPath):
    """Each layer's own gradient: the surrogate the model was trained with."""

    @property
    def is_own(self) -> bool:
        """True."""
        return True

    def layer_gradient(self) -> LayerGradient | None:
        """None: the layer's own."""
        return None
