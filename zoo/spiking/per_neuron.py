"""Layers in which each neuron has numbers of its own, and which neurons follow a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.gradients.flat import dense, like
from zoo.architectures.blocks import ConvNorm
from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool


class OwnNumbers(LIF, ABC):
    """Integrate-and-fire neurons with numbers that a layer shares until :func:`per_neuron_` spreads them."""

    @abstractmethod
    def spread_(self, shape: tuple[int, ...]) -> None:
        """Give each neuron of a layer ``(...)`` numbers of its own, at their first values."""


class PerNeuron(OwnNumbers, ABC):
    """Integrate-and-fire neurons with numbers for each step."""

    @property
    @abstractmethod
    def numbers(self) -> tuple[str, int]:
        """What there is one of per step, in words, and for how many steps."""

    @abstractmethod
    def fire(self, driving: Tensor) -> Tensor:
        """Spikes of what the neurons add up, ``(T, N, ...)`` each."""

    def pooled(self, current: Tensor, pool: int) -> Tensor:
        """Means of the spikes over ``pool`` x ``pool`` windows of a current ``(T, N, C, H, W)``, of any shape if pool is 1.

        Raises ``ValueError`` for another number of steps than there are numbers.
        """
        what, steps = self.numbers
        if len(current) != steps:
            raise ValueError(f"the neurons have {what} for {steps} steps, the current has {len(current)}")
        spikes = self.fire(self.driving(current))
        return spikes if pool == 1 else F.avg_pool2d(spikes.flatten(0, 1), pool).unflatten(0, spikes.shape[:2])


def spread_over_samples(numbers: Tensor, current: Tensor) -> Tensor:
    """Numbers ``(T, ...)`` of neurons, or ``(T,)`` of a layer, for each sample: ``(T, n, ...)`` laid out as ``current``."""
    units = numbers.unsqueeze(1) if numbers.dim() > 1 else numbers.view(-1, *[1] * (current.dim() - 1))
    return like(dense(current)).copy_(units.detach().expand(current.shape))


def per_neuron_(body: Iterable[nn.Module], shape: tuple[int, ...]) -> None:
    """Give each neuron of a plain sequence of layers numbers of its own, in place.

    shape: ``(C, H, W)`` of the images that enter. Raises ``TypeError`` for a layer whose outputs have an unknown shape.
    """
    for layer in body:
        if isinstance(layer, OwnNumbers):
            layer.spread_(shape)
        elif isinstance(layer, ConvNorm):
            convolution = layer[0]
            if not isinstance(convolution, nn.Conv2d):
                raise TypeError(f"a {type(convolution).__name__} is no convolution")
            (kernel, _), (stride, _) = convolution.kernel_size, convolution.stride
            side = [(size + 2 * (kernel // 2) - kernel) // stride + 1 for size in shape[1:]]
            shape = (convolution.out_channels, *side)
        elif isinstance(layer, MeanPool):
            shape = (shape[0], *(size // layer.size for size in shape[1:]))
        elif isinstance(layer, nn.Flatten):
            shape = (torch.Size(shape).numel(),)
        elif isinstance(layer, nn.Linear):
            shape = (layer.out_features,)
        else:
            raise TypeError(f"which neurons follow a {type(layer).__name__} is not known")
