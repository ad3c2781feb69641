"""From a card's description of neurons to layers of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from torch import nn

from zoo.spiking.gated import GatedLIF
from zoo.spiking.homeostatic import HomeostaticLIF
from zoo.spiking.leaking import LeakingLIF
from zoo.spiking.neurons import LIF
from zoo.spiking.noisy import NoisyLIF

KINDS: dict[str, type[LIF]] = {"noise": NoisyLIF, "leaks": LeakingLIF, "anchors": HomeostaticLIF, "gates": GatedLIF}
"""The argument that tells a kind of neurons from plain ones."""
DRAWING: dict[type[LIF], str] = {NoisyLIF: "noise", GatedLIF: "gates"}
"""Neurons that draw numbers, and what their layers are called."""


def activations(neuron: dict[str, Any] | None) -> Callable[[], nn.Module]:
    """What makes the activations of a network, one layer a call.

    neuron: keyword arguments of :class:`~zoo.spiking.neurons.LIF`, with ``noise`` among them of
    :class:`~zoo.spiking.noisy.NoisyLIF`, whose layers then draw under names of their own, with ``leaks`` of
    :class:`~zoo.spiking.leaking.LeakingLIF`, with ``anchors`` of :class:`~zoo.spiking.homeostatic.HomeostaticLIF`, with
    ``gates`` of :class:`~zoo.spiking.gated.GatedLIF`, which draw as noisy ones do; None for ReLU.
    """
    if neuron is None:
        return nn.ReLU
    kind, numbers = neuron_class(neuron), count(1)

    def layer() -> nn.Module:
        own_name = {"layer": f"{DRAWING[kind]} {next(numbers)}"} if kind in DRAWING else {}
        return kind(**own_name | neuron)

    return layer


def neuron_class(neuron: dict[str, Any]) -> type[LIF]:
    """The class of the neurons that have these keyword arguments."""
    return next((kind for argument, kind in KINDS.items() if argument in neuron), LIF)
