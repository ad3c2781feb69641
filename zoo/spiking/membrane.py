"""The effect of a perturbation of the input on membrane potentials.

Two quantities for a layer, from its input currents I (clean) and J (perturbed), both
``(T, n, ...)``:

    reset-free    e[t] = decay * e[t-1] + I[t] - J[t],   e[-1] = 0
    true          u[t] of I minus u[t] of J, resets included

The first is the membrane potential perturbation dynamics of Ding et al. (ICML 2024, arXiv
2405.20694): linear, and therefore smooth enough to train on. It approximates the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Dynamics
from zoo.spiking.filters import leaky_sum
from zoo.spiking.kernels import integrate_and_fire
from zoo.spiking.neurons import LIF
from zoo.spiking.per_neuron import PerNeuron


def last_spiking(model: nn.Module) -> LIF:
    """The last layer of spiking neurons, in module order.

    Raises ``ValueError`` if there is none, or if neurons have leaks or thresholds of their own, which the formulas here
    do not know.
    """
    layers = [module for module in model.modules() if isinstance(module, LIF)]
    if not layers:
        raise ValueError(f"{type(model).__name__} has no spiking layer whose membrane could be looked at")
    if any(isinstance(layer, PerNeuron) for layer in layers):
        raise ValueError("the membranes of neurons whose leak or threshold differs from step to step are not looked at")
    return layers[-1]


@contextmanager
def currents(layer: LIF) -> Iterator[list[Tensor]]:
    """A list that collects the input currents ``(T, n, ...)`` of ``layer`` inside the block, one per forward, with their
    graph.

    They are recorded before the layer's own scale per time step.
    """
    collected: list[Tensor] = []

    def collect(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        collected.append(inputs[0])

    hook = layer.register_forward_pre_hook(collect)
    try:
        yield collected
    finally:
        hook.remove()


@contextmanager
def driving_currents(model: nn.Module) -> Iterator[list[tuple[LIF, Tensor]]]:
    """A list that collects, inside the block, each layer of neurons and what it adds up, in the order of the signals.

    What it adds up, ``(T, n, ...)``, comes with its graph. It is the input current with its scale per time step and its
    noise, if it has any.
    Raises ``ValueError`` for a model without spiking layers, and for one whose leak or threshold differs from step to
    step.
    """
    last_spiking(model)
    layers = [module for module in model.modules() if isinstance(module, LIF)]
    collected: list[tuple[LIF, Tensor]] = []

    def collect(layer: LIF, current: Tensor) -> None:
        collected.append((layer, current))

    before = [layer.observer for layer in layers]
    for layer in layers:
        layer.observer = partial(collect, layer)
    try:
        yield collected
    finally:
        for layer, observer in zip(layers, before, strict=True):
            layer.observer = observer


def potential_of(current: Tensor, dynamics: Dynamics) -> Tensor:
    """Membrane potential before the reset, ``(T, n, ...)``, as a differentiable function of what the neurons add up.

    current: ``(T, n, ...)``. Spikes count as constants: a gradient passes through time, and not through the reset.
    """
    state = torch.full_like(current[0], dynamics.start)
    potentials = []
    for driving in current:
        potential = driving + dynamics.decay * state
        spikes = (potential.detach() >= dynamics.threshold).to(potential.dtype)
        state = potential * (1 - spikes) if dynamics.reset == "hard" else potential - dynamics.threshold * spikes
        potentials.append(potential)
    return torch.stack(potentials)


def mean_square(x: Tensor) -> Tensor:
    """Mean square over time and units of ``x`` ``(T, n, ...)``: ``(n,)``."""
    return x.square().transpose(0, 1).flatten(1).mean(1)


@dataclass(frozen=True)
class MembranePerturbation:
    """Mean squares over time and units, in squares of the threshold; both ``(n,)``."""

    reset_free: Tensor
    true: Tensor


@torch.no_grad()
def membrane_perturbation(model: nn.Module, clean: Tensor, perturbed: Tensor) -> MembranePerturbation:
    """How far ``perturbed`` moves the potentials of the last spiking layer from those of ``clean``.

    clean, perturbed: ``(n, C, H, W)`` in [0, 1]. The model is used in the mode it is in.
    Raises ``ValueError`` for a model without spiking layers.
    """
    layer = last_spiking(model)
    with currents(layer) as layer_currents:
        model(clean)
        model(perturbed)
    clean_current, perturbed_current = layer_currents
    clean_potential, perturbed_potential = (
        integrate_and_fire(layer.scaled(current), layer.dynamics)[0] for current in layer_currents
    )
    unit = layer.dynamics.threshold**2
    return MembranePerturbation(
        mean_square(leaky_sum(clean_current - perturbed_current, layer.dynamics.decay)) / unit,
        mean_square(clean_potential - perturbed_potential) / unit,
    )
