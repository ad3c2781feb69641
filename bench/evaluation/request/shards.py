"""How many samples a unit takes: few enough to fit into memory, whatever the size of an input or a network.

The number follows from the model and the shape of its inputs alone, never from the machine, so that every machine cuts the
same request into the same units.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attacks.gradients.base import TakesGradientPath
from attacks.randomness import KeyedRng, drawing
from bench.data.base import Samples
from bench.models.subject import Subject

MOST_ROWS = 250
"""The most work a kill can lose, and enough rows to keep micro-batches full as samples leave."""

BUDGET = 2**30
"""Bytes of what is kept per row of a shard while an attack runs."""

COPIES = 8
"""Float32 copies of an input that an attack keeps per row: clean, current and best input, gradient, momentum, and what
the scorer makes of them."""


def rows_per_shard(subject: Subject, samples: Samples) -> int:
    """Most samples of one unit."""
    bytes_of_row = COPIES * 4 * math.prod(samples.shape[1:]) + _state_of(subject.module, samples)
    return max(1, min(MOST_ROWS, BUDGET // max(bytes_of_row, 1)))


def _state_of(module: nn.Module, samples: Samples) -> int:
    """Bytes per row of an adaptive gradient path: two floats per neuron and time step (ASSG), counted in one forward."""
    neurons = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], spikes: Tensor) -> None:
        nonlocal neurons
        neurons += spikes.numel()

    layers = [layer for layer in module.modules() if isinstance(layer, TakesGradientPath)]
    if not layers:  # a model that keeps a state is not called more often than it must be
        return 0
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad(), drawing(KeyedRng.of(0, samples.ids[:1])):
            module(samples[:1].images)
    except Exception:  # the evaluation itself will say what is wrong with the model
        return 0
    finally:
        for hook in hooks:
            hook.remove()
    return 2 * 4 * neurons
