"""Decoding by the first output spike (Ding et al., 2023, arXiv 2306.05654), and early exit.

Each class has an output neuron, and the class whose neuron fires first is the answer. With t the step
of its first spike, counted from 0, a neuron has ``d = T - t`` steps left, and 0 if it stays silent:

    d = sum over t of (1 - product over t' <= t of (1 - s[t'])),

which is multilinear in the spikes, so that the gradient also knows what an *earlier* spike would
be worth. Neurons that fire at the same step are told apart by their potential u at that step:
charged at a constant rate within the step, a neuron reaches the threshold when the share
``threshold / u`` of it has passed. Silent neurons are told apart by their highest potential.

    logit = sharpness * (d + 1 - threshold / u)           fired
    logit = sharpness * (max u / threshold - 1)           silent

Cross-entropy of these logits is the paper's first-spike loss in its form ``CE(beta (d - T), y)``,
with beta = ``sharpness`` = 2 there. Its other form sends ``softmax(-beta t)`` through a second softmax, whose
loss is bounded away from 0; it is not offered.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.spiking.filters import leaky_sum
from zoo.spiking.network import over_time
from zoo.spiking.neurons import LIF


class FirstSpike(nn.Module):
    """Spikes ``(T, N, ...)`` of F = ``features`` units to logits ``(N, K)``.

    neuron: keyword arguments of the output :class:`~zoo.spiking.neurons.LIF`; its ``start`` must be 0.
    """

    def __init__(self, features: int, classes: int, *, neuron: dict[str, Any], sharpness: float = 2.0) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)
        self.neuron = LIF(**neuron)
        self.sharpness = sharpness
        if self.neuron.dynamics.start:
            raise ValueError("output neurons that are read by their first spike start at a potential of 0")

    def forward(self, x: Tensor) -> Tensor:
        current = over_time(self.linear, x.flatten(2))
        waiting = torch.cumprod(1 - self.neuron(current), 0)
        left = (1 - waiting).sum(0)
        first, silent = -torch.diff(waiting.detach(), dim=0, prepend=torch.ones_like(waiting[:1])), waiting[-1] > 0
        # Until its first spike a neuron has not been reset, so its potential is the leaky sum of its current.
        free = leaky_sum(self.neuron.scaled(current), self.neuron.dynamics.decay) / self.neuron.dynamics.threshold
        at_first = torch.where(silent, 1.0, (free * first).sum(0))
        return self.sharpness * torch.where(silent, free.amax(0) - 1, left + 1 - 1 / at_first)


@torch.no_grad()
def steps_used(model: nn.Module, x: Tensor) -> Tensor:
    """Time steps ``(n,)``, 1 to T, after which the answer for ``x`` ``(n, C, H, W)`` is known.

    The network may stop at the first output spike: nothing that comes later can change the answer.
    Without any output spike it takes all T. Raises ``ValueError`` for another kind of read-out.
    """
    readouts = [module for module in model.modules() if isinstance(module, FirstSpike)]
    if len(readouts) != 1:
        raise ValueError(f"{type(model).__name__} is not read by its first output spike")
    seen: list[Tensor] = []
    hook = readouts[0].neuron.register_forward_hook(lambda module, inputs, spikes: seen.append(spikes))
    try:
        model(x)
    finally:
        hook.remove()
    fired = seen[0].amax(2)
    used: Tensor = (1 - fired).cumprod(0).sum(0).long() + 1
    return used.clamp_max(len(fired))
