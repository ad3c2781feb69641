"""From a source network to a spiking one: thresholds into the weights, activations into neurons.

A neuron with threshold th and current z spikes like a neuron with threshold 1 and current z / th, and its output
is th times its spikes. So, with th the threshold of each layer,

    BatchNorm before it:  scale and shift / th        weights after it:  * th

all neurons have threshold 1, start at 1/2 and are reset by subtraction, and the names of the weights stay.
Surrogate slopes, defined in units of the threshold, are thereby scaled with the threshold of the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import Normalise
from zoo.conversion.bodies import body_of
from zoo.conversion.folding import fold_
from zoo.conversion.qcfs import QCFS, Source
from zoo.spiking.encoders import Direct
from zoo.spiking.network import TimeSequential, over_time
from zoo.spiking.neurons import LIF
from zoo.spiking.readouts import MeanLogits

NEURON: dict[str, Any] = {"decay": 1.0, "threshold": 1.0, "reset": "soft", "start": 0.5}
"""Integrate-and-fire neurons of a converted network; with this start the expected quantisation error is zero."""


class Converted(nn.Module):
    """A spiking network under direct encoding: ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``.

    layer: makes one layer of neurons. run: steps that the network is run for. first, steps: the read-out averages
        logits over the steps ``first .. first + steps - 1``.
    latency: steps from the first input to the answer, calibration included.
    network, shape: see :func:`~zoo.conversion.bodies.body_of`.
    """

    def __init__(
        self,
        layer: Callable[[], LIF],
        *,
        run: int,
        first: int,
        steps: int,
        latency: int,
        network: str = "compact",
        classes: int = 10,
        channels: int = 3,
        mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
        std: tuple[float, ...] = (0.247, 0.2435, 0.2616),
        **shape: Any,
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"a spiking network runs for at least one step, not {steps}")
        self.steps, self.latency = steps, latency
        self.window = slice(first, first + steps)
        self.normalise = Normalise(mean, std)
        self.encoder = Direct(steps=run)
        self.body, features = body_of(network, layer, channels=channels, **shape)
        self.readout = MeanLogits(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of images ``(N, 3, 32, 32)`` in [0, 1]."""
        spikes = self.body(over_time(self.normalise, self.encoder(x)))
        logits: Tensor = self.readout(spikes[self.window])
        return logits


def snn_qcfs(*, steps: int, surrogate: str = "triangle", width: float | None = None, **shape: Any) -> nn.Module:
    """The source on integrate-and-fire neurons, without calibration; its latency is ``steps``.

    surrogate, width: the slope that is used outside any gradient path. shape: ``network`` and what follows it in
    :class:`Converted`.
    """
    model: nn.Module = Converted(
        lambda: LIF(**NEURON, surrogate=surrogate, width=width), run=steps, first=0, steps=steps, latency=steps, **shape
    )
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def thresholds(source: Source) -> list[float]:
    """The threshold of each activation layer. Raises ``ValueError`` if a threshold is not positive."""
    values = [float(layer.threshold.detach()) for layer in source.body.modules() if isinstance(layer, QCFS)]
    if not all(threshold > 0 for threshold in values):
        raise ValueError(f"the thresholds of the source must be positive to be converted, they are {values}")
    return values


@torch.no_grad()
def folded_weights(source: nn.Module) -> dict[str, Tensor]:
    """Weights of the spiking network that ``source`` turns into, by name; ``source`` stays as it is.

    Raises ``TypeError`` for a network that was not built to be converted, ``ValueError`` for a threshold below 0.
    """
    if not isinstance(source, Source):
        raise TypeError(f"a {type(source).__name__} has no activations that can be converted")
    thresholds(source)
    twin = snn_like(source)
    twin.load_state_dict({name: value for name, value in source.state_dict().items() if name in twin.state_dict()})
    scale, _ = fold_(cast(TimeSequential, twin.body), source.body)
    cast(MeanLogits, twin.readout).linear.weight.mul_(scale)
    return twin.state_dict()


def snn_like(source: Source, *, steps: int = 1) -> nn.Module:
    """A spiking network of the shape of ``source``, with weights of its own, on the device of ``source``."""
    model = snn_qcfs(steps=steps, **source.built)
    return model.to(source.readout.linear.weight)
