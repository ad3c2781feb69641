"""Networks of sinabs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from sinabs import layers
from sinabs.activation import MembraneReset, MembraneSubtract, PeriodicExponential, SingleExponential, SingleSpike
from torch import Tensor, nn

from strangers.twins import DECAY, THRESHOLD
from strangers.weights import STEPS, Layers


class BatchFirst(Layers):
    """Neurons over ``(batch, time, ...)``, everything else on time folded into the batch."""

    def __init__(self, kind: str, neurons: Callable[[], nn.Module]) -> None:
        super().__init__(kind)
        self.spike1, self.spike2 = neurons(), neurons()

    def forward(self, x: Tensor) -> Tensor:
        self.spike1.reset_states()
        self.spike2.reset_states()
        h = self.conv1(x).unsqueeze(1).repeat(1, STEPS, 1, 1, 1)
        h = self.pool(self.spike1(h).flatten(0, 1))
        h = self.conv2(h).unflatten(0, (-1, STEPS))
        h = self.pool(self.spike2(h).flatten(0, 1))
        return self.fc(h.flatten(1)).unflatten(0, (-1, STEPS)).mean(1)


def lif() -> nn.Module:
    """``LIF`` with an exponential decay and a reset to zero, one spike a step at most."""
    settings = {"spike_fn": SingleSpike, "reset_fn": MembraneReset(), "surrogate_grad_fn": SingleExponential()}
    tau = -1 / math.log(DECAY)
    return BatchFirst(
        "lif", lambda: layers.LIF(tau_mem=tau, norm_input=False, spike_threshold=torch.tensor(THRESHOLD), **settings)
    )


def iaf() -> nn.Module:
    """``IAF``, one spike a step at most."""
    settings = {"spike_fn": SingleSpike, "reset_fn": MembraneSubtract(), "surrogate_grad_fn": PeriodicExponential()}
    return BatchFirst("if", lambda: layers.IAF(**settings))
