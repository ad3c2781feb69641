"""From a card's description of neurons to layers of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from torch import nn

from zoo.spiking.leaking import LeakingLIF
from zoo.spiking.neurons import LIF
from zoo.spiking.noisy import NoisyLIF


def activations(neuron: dict[str, Any] | None) -> Callable[[], nn.Module]:
    """What makes the activations of a network, one layer a call.

    neuron: keyword arguments of :class:`~zoo.spiking.neurons.LIF`, with ``noise`` among them of
    :class:`~zoo.spiking.noisy.NoisyLIF`, whose layers then draw under names of their own, with ``leaks`` of
    :class:`~zoo.spiking.leaking.LeakingLIF`; None for ReLU.
    """
    numbers = count(1)

    def layer() -> nn.Module:
        if neuron is None:
            return nn.ReLU()
        if "noise" in neuron:
            return NoisyLIF(**{"layer": f"noise {next(numbers)}"} | neuron)
        return LeakingLIF(**neuron) if "leaks" in neuron else LIF(**neuron)

    return layer
