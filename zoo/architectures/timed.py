"""A network that runs over time around any body: normalisation, input code, body, read-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import Normalise
from zoo.spiking.encoders import ENCODERS
from zoo.spiking.layers import activations
from zoo.spiking.network import TimeSequential, over_time
from zoo.spiking.readouts import MeanLogits

Body = Callable[[Callable[[], nn.Module], int], tuple[TimeSequential, int]]
"""Activation factory and number of image channels to the body and its number of features."""

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Channel means and deviations that the papers of the large networks use for CIFAR-10."""


class Timed(nn.Module):
    """Images ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``, averaged over ``steps`` time steps.

    neuron: see :func:`~zoo.spiking.layers.activations`; None for ReLU, which needs ``steps=1``.
    """

    def __init__(
        self,
        body: Body,
        *,
        steps: int,
        neuron: dict[str, Any] | None,
        encoder: Literal["direct", "poisson", "latency", "front", "frequency"] = "direct",
        classes: int = 10,
        channels: int = 3,
        mean: tuple[float, ...] = CIFAR_MEAN,
        std: tuple[float, ...] = CIFAR_STD,
    ) -> None:
        super().__init__()
        if neuron is None and steps != 1:
            raise ValueError("a network without spiking neurons runs for one step: set steps to 1")
        self.normalise = Normalise(mean, std)
        self.encoder = ENCODERS[encoder](steps=steps)
        self.body, features = body(activations(neuron), channels)
        self.readout = MeanLogits(features, classes)
        nn.init.zeros_(self.readout.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of images ``(N, C, H, W)`` in [0, 1]."""
        logits: Tensor = self.readout(self.body(over_time(self.normalise, self.encoder(x))))
        return logits


def channels_last(model: nn.Module) -> nn.Module:
    """``model`` with its convolutions' weights in the order that is fastest on a CPU."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
