"""VGG networks for 32 x 32 images, as the papers on spiking networks have them.

    vgg5    64 P 128 128 P                                      vgg11   64 P 128 256 P 512 512 P 512 512
    vgg16   64 64 P 128 128 P 256 256 256 P 512 512 512 P 512 512 512 P

each number a 3x3 convolution, BatchNorm and activation, P an average pooling by 2; then two hidden linear layers with
activations, and a linear read-out. The convolutions have no bias, because BatchNorm would subtract it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from zoo.architectures.blocks import ConvNorm
from zoo.architectures.timed import Timed, channels_last
from zoo.spiking.network import TimeSequential
from zoo.spiking.pooling import MeanPool

POOL = 0
PLANS: dict[str, tuple[int, ...]] = {
    "vgg5": (64, POOL, 128, 128, POOL),
    "vgg11": (64, POOL, 128, 256, POOL, 512, 512, POOL, 512, 512),
    "vgg16": (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL),
}
"""Numbers of channels; 0 pools."""


def vgg_body(
    activation: Callable[[], nn.Module], *, plan: tuple[int, ...], channels: int, hidden: int
) -> tuple[TimeSequential, int]:
    """The network up to its last activation, on normalised images ``(T, N, channels, 32, 32)``, and its number of features.

    hidden: width of both hidden linear layers.
    """
    layers: list[nn.Module] = []
    width, side = channels, 32
    for outputs in plan:
        if outputs == POOL:
            layers.append(MeanPool(2))
            side //= 2
        else:
            layers += [ConvNorm(width, outputs, 3), activation()]
            width = outputs
    layers.append(nn.Flatten())
    for inputs in (width * side * side, hidden):
        linear = nn.Linear(inputs, hidden)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    return TimeSequential(*layers), hidden


def scaled(plan: tuple[int, ...], multiplier: float) -> tuple[int, ...]:
    """``plan`` with ``multiplier`` times as many channels."""
    return tuple(outputs if outputs == POOL else max(1, round(outputs * multiplier)) for outputs in plan)


def vgg(*, plan: str, hidden: int = 4096, multiplier: float = 1.0, **arguments: Any) -> nn.Module:
    """A VGG network: images ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``.

    plan: key of :data:`PLANS`. multiplier: factor on the channels. Others as of :class:`~zoo.architectures.timed.Timed`.
    Raises ``ValueError`` for an unknown plan.
    """
    if plan not in PLANS:
        raise ValueError(f"unknown plan {plan!r}; known: {', '.join(PLANS)}")
    chosen = scaled(PLANS[plan], multiplier)
    return channels_last(
        Timed(lambda activation, channels: vgg_body(activation, plan=chosen, channels=channels, hidden=hidden), **arguments)
    )
