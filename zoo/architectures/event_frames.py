"""A small convolutional network without spikes that takes all frames of a recording at once, as channels of one picture.

Three strided convolutions and a linear layer, as the spiking network for events has
(:mod:`zoo.architectures.event_network`), but the first convolution sums over time: 0.05 M parameters, and 3.2 M
multiply-accumulates for ten frames of 34 x 34, which the spiking network needs 3.5 times over.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm


class EventFrames(nn.Module):
    """Event frames ``(N, T, 2, H, W)`` to logits ``(N, K)``. frames: T. side: H and W."""

    def __init__(
        self, *, frames: int = 10, classes: int = 10, side: int = 34, widths: tuple[int, int, int] = (16, 32, 64)
    ) -> None:
        super().__init__()
        self.frames = frames
        first, second, third = widths
        self.body = nn.Sequential(
            ConvNorm(2 * frames, first, 5, stride=2),
            nn.ReLU(),
            ConvNorm(first, second, 3, stride=2),
            nn.ReLU(),
            ConvNorm(second, third, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(third * (-(-side // 8)) ** 2, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of event frames ``(N, T, 2, H, W)``. Raises ``ValueError`` for another number of frames."""
        if x.dim() != 5 or x.shape[1] != self.frames:
            raise ValueError(f"this network takes {self.frames} frames (N, T, 2, H, W), not {tuple(x.shape)}")
        logits: Tensor = self.body(x.flatten(1, 2).contiguous(memory_format=torch.channels_last))
        return logits


def event_frames(**arguments: Any) -> nn.Module:
    """An :class:`EventFrames` network with its weights in channels-last order."""
    model: nn.Module = EventFrames(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
