"""A small convolutional network for the frames of an event camera, which a CPU can train and attack.

Three strided convolutions and a linear read-out, 0.04 M parameters: on frames of 34 x 34, 1.1 M multiply-accumulates a step.
A frame is a time step, so that nothing encodes: events are spikes already. The same body with ReLU is its ANN twin, which
sees each frame by itself and averages its logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm
from zoo.spiking.event_filters import BackgroundActivityFilter, QuantisedFilter
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.readouts import MeanLogits


def event_body(activation: Callable[[], nn.Module], *, widths: tuple[int, int, int]) -> TimeSequential:
    """Frames ``(T, N, 2, H, W)`` to spikes ``(T, N, widths[2], h, w)``, h and w an eighth of H and W, rounded up."""
    first, second, third = widths
    return TimeSequential(
        ConvNorm(2, first, 5, stride=2),
        activation(),
        ConvNorm(first, second, 3, stride=2),
        activation(),
        ConvNorm(second, third, 3, stride=2),
        activation(),
    )


class EventNetwork(nn.Module):
    """Event frames ``(N, T, 2, H, W)`` to logits ``(N, K)``, averaged over the T frames.

    neuron: keyword arguments of :class:`~zoo.spiking.neurons.LIF`; None for ReLU. side: H and W.
    support: of a :class:`~zoo.spiking.event_filters.BackgroundActivityFilter` at the entrance; 0 for none.
    quantised: keyword arguments of a :class:`~zoo.spiking.event_filters.QuantisedFilter` there; None for none. A filter has
        no weights, so that those of a network without one fit. Raises ``ValueError`` if both filters are asked for.
    """

    def __init__(
        self,
        *,
        neuron: dict[str, Any] | None,
        classes: int = 10,
        side: int = 34,
        widths: tuple[int, int, int] = (16, 32, 64),
        support: int = 0,
        quantised: dict[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.filter = _filter(support, quantised)
        self.body = event_body(lambda: nn.ReLU() if neuron is None else LIF(**neuron), widths=widths)
        self.readout = MeanLogits(widths[-1] * (-(-side // 8)) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of event frames ``(N, T, 2, H, W)``."""
        x = self.filter(x)
        # One layout for every batch: that of the memory decides in which order a convolution sums.
        frames, events, polarities, rows, columns = (x.shape[1], len(x), *x.shape[2:])
        folded = x.transpose(0, 1).reshape(frames * events, polarities, rows, columns)
        signal = folded.contiguous(memory_format=torch.channels_last).view(frames, events, polarities, rows, columns)
        logits: Tensor = self.readout(self.body(signal))
        return logits


def _filter(support: int, quantised: dict[str, int] | None) -> nn.Module:
    if support and quantised is not None:
        raise ValueError("an event network has one filter: support or quantised, not both")
    if quantised is not None:
        return QuantisedFilter(**quantised)
    return BackgroundActivityFilter(support=support) if support else nn.Identity()


def event_network(**arguments: Any) -> nn.Module:
    """An :class:`EventNetwork` with its weights in channels-last order."""
    model: nn.Module = EventNetwork(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
