"""All spike functions of a network, and the way to choose their derivative."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import nn

from attacks.gradients.base import GradientPath, has_coding, has_gradient_path
from attacks.gradients.spikes.calling import Kind
from attacks.gradients.spikes.control import controlled_by
from attacks.gradients.spikes.firing import SpikeGradient
from attacks.gradients.spikes.inventory import Adjustment, Call, SpikeFunction, Uncontrolled


@dataclass(frozen=True, eq=False)
class SpikeSites:
    """Where a network makes spikes outside of layers that take a gradient path by themselves.

    functions: those whose derivative is the attacker's choice. uncontrolled: steps whose slope is not.
    differentiable: whether the output depends on the input by gradients at all; if not, obstacle says what cuts them.
    remarks: what was assumed or seen on the way, one sentence each.
    calls, kinds, adjustments, newborn: what :meth:`controlled_by` needs: the calls of one forward in their order, the
    classes to listen to, attributes to set, and whether classes are made while the network runs.
    """

    functions: tuple[SpikeFunction, ...] = ()
    uncontrolled: tuple[Uncontrolled, ...] = ()
    differentiable: bool = True
    obstacle: str | None = None
    remarks: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    kinds: tuple[Kind, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    resettable: tuple[str, ...] = ()
    newborn: bool = False

    @property
    def controlled(self) -> int:
        """Spike functions whose derivative an attacker may choose."""
        return len(self.functions)

    @property
    def found(self) -> int:
        """Spike functions and other steps, controlled or not."""
        return len(self.functions) + len(self.uncontrolled)

    @property
    def layers(self) -> int:
        """Layers of neurons that fire through a controlled function."""
        return len({call.layer for call in self.calls if call.step is not None})

    def controlled_by(
        self, model: nn.Module, gradient: SpikeGradient | None, *, answered: set[int] | None = None
    ) -> AbstractContextManager[None]:
        """Inside the block the spike functions of ``model`` (the network itself or a copy) use ``gradient``.

        None: their own. answered: collects the numbers of the calls whose backward ran.
        """
        detached = gradient is not None and not gradient.attached
        resets = [Adjustment(name, "detach_reset", lambda own, to=detached: to) for name in self.resettable]
        return controlled_by(
            model,
            self.calls,
            self.kinds,
            (*self.adjustments, *(resets if gradient is not None else ())),
            gradient,
            newborn=self.newborn,
            answered=answered,
        )


def takes_path(model: nn.Module, path: GradientPath, sites: SpikeSites | None = None) -> bool:
    """Whether ``path`` can do with ``model`` what it says: its own gradient always can, a coding needs an encoder."""
    if path.coding is not None:
        return any(has_coding(module) for module in model.modules())
    if path.is_own or any(has_gradient_path(module) for module in model.modules()):
        return True
    return sites is not None and sites.controlled > 0 and path.spike_gradient() is not None


def is_spiking(model: nn.Module, sites: SpikeSites | None = None) -> bool:
    """Whether an attacker may choose how some spike of ``model`` is differentiated, by layer or by function."""
    layers = any(has_gradient_path(module) for module in model.modules())
    return layers or (sites is not None and sites.controlled > 0)
