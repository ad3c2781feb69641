"""A small convolutional network that a CPU can train and attack.

Four convolutions (stem 5x5 with stride 2, then three 3x3), average pooling of spikes, a linear
read-out: 0.24 M parameters. On 32 x 32 images at the default widths the convolutions need 6.9 M
multiply-accumulates per time step, and 0.6 M once for the stem (direct encoding). The same body
with ReLU and a single step is its ANN twin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm, Normalise
from zoo.spiking.encoders import ENCODERS
from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.layers import activations, neuron_class
from zoo.spiking.network import TimeSequential, over_time
from zoo.spiking.per_neuron import OwnNumbers, per_neuron_
from zoo.spiking.pooling import MeanPool
from zoo.spiking.readouts import MeanLogits


def compact_body(activation: Callable[[], nn.Module], *, channels: int, widths: tuple[int, int, int, int]) -> TimeSequential:
    """Normalised images ``(T, N, channels, 32, 32)`` to spikes ``(T, N, widths[3], 4, 4)``."""
    first, second, third, fourth = widths
    return TimeSequential(
        ConvNorm(channels, first, 5, stride=2),
        activation(),
        MeanPool(2),
        ConvNorm(first, second, 3),
        activation(),
        ConvNorm(second, third, 3),
        activation(),
        MeanPool(2),
        ConvNorm(third, fourth, 3),
        activation(),
    )


class Compact(nn.Module):
    """Images ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``.

    encoder: ``direct``, ``poisson``, ``latency``, ``front`` or ``frequency``, over ``steps`` time steps.
    neuron: see :func:`~zoo.spiking.layers.activations`; None builds the ReLU network, which needs ``steps=1``.
        Neurons with ``leaks``, ``anchors`` or ``gates`` have each their own, for images of 32 x 32 pixels.
    output: keyword arguments of the LIF of the output neurons, which are read by their first spike; None averages
        logits over time.
    """

    def __init__(
        self,
        *,
        steps: int,
        neuron: dict[str, Any] | None,
        encoder: Literal["direct", "poisson", "latency", "front", "frequency"] = "direct",
        output: dict[str, Any] | None = None,
        classes: int = 10,
        channels: int = 3,
        widths: tuple[int, int, int, int] = (32, 64, 96, 160),
        mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
        std: tuple[float, ...] = (0.247, 0.2435, 0.2616),
    ) -> None:
        super().__init__()
        if neuron is None and steps != 1:
            raise ValueError("a network without spiking neurons runs for one step: set steps to 1")

        self.normalise = Normalise(mean, std)
        self.encoder = ENCODERS[encoder](steps=steps)
        self.body = compact_body(activations(neuron), channels=channels, widths=widths)
        if neuron is not None and issubclass(neuron_class(neuron), OwnNumbers):
            per_neuron_(self.body, (channels, 32, 32))
        features = widths[-1] * 16
        self.readout = MeanLogits(features, classes) if output is None else FirstSpike(features, classes, neuron=output)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of images ``(N, 3, 32, 32)`` in [0, 1]."""
        signal = over_time(self.normalise, self.encoder(x))
        logits: Tensor = self.readout(self.body(signal))
        return logits


def compact(**arguments: Any) -> nn.Module:
    """A :class:`Compact` network with its weights in channels-last order, twice as fast in convolutions on a CPU."""
    model: nn.Module = Compact(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
