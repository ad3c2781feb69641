"""Residual networks for 32 x 32 images: ResNet-18, ResNet-20, and WRN-16 with activations before convolutions.

    resnet18    stem of 64; stages of 2 blocks with 64, 128, 256, 512 channels; activation after each sum
    resnet20    stem of 16; stages of 3 blocks with 16, 32, 64 channels; otherwise the same, 0.27 M parameters
    wrn16       stem of 16; stages of 2 blocks with 16k, 32k, 64k channels; BatchNorm and activation before each convolution,
                and a convex combination of both branches whose two weights are learnt, 1/2 each at first

then a mean over space and a linear read-out. The networks of Zagoruyko and Komodakis (BMVC 2016) and He et al. (CVPR 2016),
in the form of the papers on spiking networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm
from zoo.architectures.timed import Timed, channels_last
from zoo.spiking.network import TimeSequential

Activation = Callable[[], nn.Module]


class Shortcut(nn.Module):
    """The input times ``scale``, a buffer that is 1 except in converted networks."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` times ``scale``, for ``x`` of any shape."""
        return x * self.scale


class Block(TimeSequential):
    """``activation(main(x) + shortcut(x))`` on ``(T, N, C, H, W)``, main being two 3x3 convolutions."""

    def __init__(self, activation: Activation, inputs: int, outputs: int, *, stride: int) -> None:
        same = stride == 1 and inputs == outputs
        super().__init__(
            TimeSequential(ConvNorm(inputs, outputs, 3, stride=stride), activation(), ConvNorm(outputs, outputs, 3)),
            TimeSequential(Shortcut() if same else ConvNorm(inputs, outputs, 1, stride=stride)),
            TimeSequential(activation()),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Activations ``(T, N, C', H', W')`` of the block for its input ``(T, N, C, H, W)``."""
        main, shortcut, after = self
        summed: Tensor = after(main(x) + shortcut(x))
        return summed


class Before(TimeSequential):
    """BatchNorm, activation, convolution, twice; joined with the shortcut by learnt weights that sum to 1."""

    def __init__(self, activation: Activation, inputs: int, outputs: int, *, stride: int) -> None:
        def convolution(width: int, kernel: int, step: int) -> nn.Conv2d:
            layer = nn.Conv2d(width, outputs, kernel, stride=step, padding=kernel // 2, bias=False)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            return layer

        same = stride == 1 and inputs == outputs
        super().__init__(
            TimeSequential(nn.BatchNorm2d(inputs), activation()),
            TimeSequential(
                convolution(inputs, 3, stride), nn.BatchNorm2d(outputs), activation(), convolution(outputs, 3, 1)
            ),
            TimeSequential() if same else TimeSequential(convolution(inputs, 1, stride)),
        )
        self.same = same
        self.share = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Weighted sum ``(T, N, C', H', W')`` of both branches for the input ``(T, N, C, H, W)``."""
        first, main, shortcut = self
        spikes = first(x)
        share = self.share.sigmoid()
        joined: Tensor = share * main(spikes) + (1 - share) * (x if self.same else shortcut(spikes))
        return joined


def resnet18_body(
    activation: Activation, *, channels: int, widths: tuple[int, ...] = (64, 128, 256, 512)
) -> tuple[TimeSequential, int]:
    """The network up to the mean over space, for images ``(T, N, channels, 32, 32)``, and its number of features."""
    return _stages(activation, channels=channels, widths=widths, blocks=2)


def resnet20_body(
    activation: Activation, *, channels: int, widths: tuple[int, ...] = (16, 32, 64)
) -> tuple[TimeSequential, int]:
    """As :func:`resnet18_body`, with three blocks a stage.

    The shortcut of a block that changes shape is a 1x1 convolution with BatchNorm, as in the papers on conversion; He et al.
    pad it with zeros.
    """
    return _stages(activation, channels=channels, widths=widths, blocks=3)


def _stages(activation: Activation, *, channels: int, widths: tuple[int, ...], blocks: int) -> tuple[TimeSequential, int]:
    layers: list[nn.Module] = [ConvNorm(channels, widths[0], 3), activation()]
    width = widths[0]
    for number, outputs in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(activation, width, outputs, stride=2 if block == 0 and number > 0 else 1))
            width = outputs
    return TimeSequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), width


def wrn16_body(activation: Activation, *, channels: int, widen: int) -> tuple[TimeSequential, int]:
    """The network up to the mean over space, for images ``(T, N, channels, 32, 32)``, and its number of features."""
    stem = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    layers: list[nn.Module] = [stem]
    width = 16
    for number, outputs in enumerate((16 * widen, 32 * widen, 64 * widen)):
        for stride in (1 if number == 0 else 2, 1):
            layers.append(Before(activation, width, outputs, stride=stride))
            width = outputs
    layers += [nn.BatchNorm2d(width), activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return TimeSequential(*layers), width


def resnet18(*, widths: tuple[int, ...] = (64, 128, 256, 512), **arguments: Any) -> nn.Module:
    """ResNet-18: images ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``; see :class:`~zoo.architectures.timed.Timed`."""
    return channels_last(
        Timed(lambda activation, channels: resnet18_body(activation, channels=channels, widths=tuple(widths)), **arguments)
    )


def resnet20(*, widths: tuple[int, ...] = (16, 32, 64), **arguments: Any) -> nn.Module:
    """ResNet-20 of He et al. for CIFAR-10; see :class:`~zoo.architectures.timed.Timed` for the other arguments."""
    return channels_last(
        Timed(lambda activation, channels: resnet20_body(activation, channels=channels, widths=tuple(widths)), **arguments)
    )


def wrn16(*, widen: int = 4, **arguments: Any) -> nn.Module:
    """WRN-16 with width factor ``widen``; see :class:`~zoo.architectures.timed.Timed` for the other arguments."""
    return channels_last(
        Timed(lambda activation, channels: wrn16_body(activation, channels=channels, widen=widen), **arguments)
    )


def parts_of(block: Block) -> tuple[TimeSequential, nn.Module, nn.Module]:
    """Main branch, shortcut (:class:`Shortcut` or a convolution with BatchNorm), and activation of a block."""
    main, shortcut, after = (cast(TimeSequential, part) for part in block)
    return main, shortcut[0], after[0]
