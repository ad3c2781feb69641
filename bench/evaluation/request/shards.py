"""How many samples a unit takes, and how many rows a query of an attack: few enough to fit into memory, whatever the size of
an input or a network.

On a CPU the numbers follow from the model and the shape of its inputs alone, never from the machine, so that every machine
cuts the same request into the same units. A GPU takes as much as its memory allows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.gradients.base import TakesGradientPath
from attacks.randomness import KeyedRng, drawing
from bench.data.base import Samples
from bench.models.subject import Subject

MOST_ROWS = 250
"""The most work a kill can lose, and enough rows to keep micro-batches full as samples leave."""

MOST_ROWS_ON_GPU = 2048
"""Likewise on a GPU, which needs thousands of rows to be busy as samples leave. Also the most rows of a query there."""

BUDGET = 2**30
"""Bytes of what is kept per row of a shard while an attack runs."""

STATE_BUDGET = 2**29
"""Bytes of the state that an adaptive gradient path keeps for a shard."""

QUERY_BUDGET = 2**28
"""Bytes of potentials and spikes that one backward needs."""

FLOATS_PER_INPUT = 256
"""Numbers that a backward on a GPU is taken to need for each number of the input, where no neurons were counted."""

SHARE_OF_GPU = 4
"""One part in so many of a GPU's memory is for the shard, and one for a query. Convolutions need the others."""

COPIES = 8
"""Float32 copies of an input that an attack keeps per row: clean, current and best input, gradient, momentum, and what
the scorer makes of them."""


@dataclass(frozen=True)
class Portions:
    """Most samples of a unit, and most rows of one query of an attack."""

    shard: int
    query: int


def portions_of(subject: Subject, samples: Samples, device: torch.device) -> Portions:
    """Those for a model on its device."""
    state = state_of(subject.module, samples, device) if subject.kept_per_row is None else subject.kept_per_row
    memory = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    return portions_for(COPIES * 4 * math.prod(samples.shape[1:]), state, memory)


def portions_for(copies: int, state: int, gpu_memory: int | None = None) -> Portions:
    """Those for rows of which an attack keeps so many bytes as ``copies`` of the input, and as ``state`` of the neurons.

    gpu_memory: bytes of a GPU; None for a CPU.
    """
    most = MOST_ROWS if gpu_memory is None else MOST_ROWS_ON_GPU
    part = None if gpu_memory is None else gpu_memory // SHARE_OF_GPU
    all_kept, of_paths, of_query = (part or budget for budget in (BUDGET, STATE_BUDGET, QUERY_BUDGET))
    in_query = state if gpu_memory is None else max(state, copies // COPIES * FLOATS_PER_INPUT)
    shard = min(most, all_kept // max(copies + state, 1), of_paths // max(state, 1))
    return Portions(max(1, shard), max(1, min(most, of_query // max(in_query, 1))))


def state_of(module: nn.Module, samples: Samples, device: torch.device) -> int:
    """Bytes per row of two floats per neuron and time step, counted in one forward.

    So much is kept by an adaptive gradient path (ASSG), and so much is a row's potentials and spikes in a query.
    """
    neurons = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], spikes: Tensor) -> None:
        nonlocal neurons
        neurons += spikes.numel()

    layers = [layer for layer in module.modules() if isinstance(layer, TakesGradientPath)]
    if not layers:  # a model that keeps a state is not called more often than it must be
        return 0
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad(), drawing(KeyedRng.of(0, samples.ids[:1].to(device))):
            module(samples[:1].images.to(device))
    except Exception:  # the evaluation itself will say what is wrong with the model
        return 0
    finally:
        for hook in hooks:
            hook.remove()
    return 2 * 4 * neurons
