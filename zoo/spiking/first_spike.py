"""Decoding by the first output spike (Ding et al., 2023, arXiv 2306.05654), and early exit.

Each class has an output neuron, and the class whose neuron fires first is the answer. With t the step
of its first spike, counted from 0, a neuron has ``d = T - t`` steps left, and 0 if it stays silent:

    d = sum over t of (1 - product over t' <= t of (1 - s[t'])),

which is multilinear in the spikes, so that the gradient also covers the value of an *earlier* spike.
Neurons that fire at the same step are ordered by their potential u at that step:
a neuron that is charged at a constant rate within the step reaches the threshold when the share
``threshold / u`` of the step has passed. Silent neurons are ordered by their highest potential.

    logit = sharpness * (d + 1 - threshold / u)           fired
    logit = sharpness * (max u / threshold - 1)           silent

Cross-entropy of these logits is the paper's first-spike loss in its form ``CE(beta (d - T), y)``,
with beta = ``sharpness`` = 2 there. Its other form applies a second softmax to ``softmax(-beta t)``. The loss of
that form cannot approach 0; it is not offered.
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
        """Logits ``(N, K)`` of spikes ``(T, N, ...)``."""
        current = over_time(self.linear, x.flatten(2))
        silent_until = torch.cumprod(1 - self.neuron(current), 0)
        steps_left = (1 - silent_until).sum(0)
        first_spike, silent = (
            -torch.diff(silent_until.detach(), dim=0, prepend=torch.ones_like(silent_until[:1])),
            silent_until[-1] > 0,
        )
        # Until its first spike a neuron has not been reset, so its potential is the leaky sum of its current.
        potential = leaky_sum(self.neuron.scaled(current), self.neuron.dynamics.decay) / self.neuron.dynamics.threshold
        potential_at_first = torch.where(silent, 1.0, (potential * first_spike).sum(0))
        return self.sharpness * torch.where(silent, potential.amax(0) - 1, steps_left + 1 - 1 / potential_at_first)


@torch.no_grad()
def steps_used(model: nn.Module, x: Tensor) -> Tensor:
    """Time steps ``(n,)``, 1 to T, after which the answer for ``x`` ``(n, C, H, W)`` is known.

    The network may stop at the first output spike: nothing that comes later can change the answer.
    Without any output spike it takes all T. Raises ``ValueError`` for another kind of read-out.
    """
    readouts = [module for module in model.modules() if isinstance(module, FirstSpike)]
    if len(readouts) != 1:
        raise ValueError(f"{type(model).__name__} is not read by its first output spike")
    output_spikes: list[Tensor] = []
    hook = readouts[0].neuron.register_forward_hook(lambda module, inputs, spikes: output_spikes.append(spikes))
    try:
        model(x)
    finally:
        hook.remove()
    fired = output_spikes[0].amax(2)
    steps: Tensor = (1 - fired).cumprod(0).sum(0).long() + 1
    return steps.clamp_max(len(fired))
