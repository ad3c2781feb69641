"""What was found in a network: its spike functions, each call of one, and what no attacker can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attacks.gradients.spikes.layout import ONE_STEP, Layout
from attacks.gradients.spikes.steps import Step


@dataclass(frozen=True)
class SpikeFunction:
    """An autograd Function that is a step.

    name: of the class. place: ``file:line`` where it is called first. calls: per forward. layers: modules that call it.
    thresholds: of the calls, in the order of the layers; the unit in which the width of a surrogate is measured.
    guessed: whether some threshold is not known and counts as 1. levels: how many values it takes (2 for a spike), 0 for
    no end.
    """

    name: str
    place: str
    calls: int
    layers: tuple[str, ...]
    thresholds: tuple[float, ...]
    guessed: bool
    levels: int


@dataclass(frozen=True)
class Uncontrolled:
    """A step whose slope no attacker can choose: what it is, where (``file:line`` or a module), and why."""

    what: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} at {self.place}: {self.reason}"


@dataclass(frozen=True)
class Call:
    """One call of a Function in a forward, in the order of the calls.

    code: what tells the Function from others. step: what it does; None for a call that is left as it is.
    unit: the size of the threshold; None where the threshold is handed over as a tensor, which is the unit then.
    output: which of several outputs is the spike; None if there is one. layer: calls of one layer share its number.
    previous: the call of the same layer one step before. resets: whether the gradient flows from this call to the spikes
    of the previous one. copied: whether the network overwrites what the function was given.
    """

    code: object
    step: Step | None = None
    unit: float | None = 1.0
    output: int | None = None
    layer: int = 0
    previous: int | None = None
    resets: bool = False
    copied: bool = False
    layout: Layout = ONE_STEP


@dataclass(frozen=True)
class Adjustment:
    """An attribute of a module that is set in a block: ``value(before)``."""

    module: str
    attribute: str
    value: Any
