"""Images in [0, 1] are handed to a network that was trained on normalised ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """``model((x - mean) / std)``, channel by channel: images ``(N, C, H, W)`` or ``(N, T, C, H, W)`` in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, x: Tensor) -> object:
        channels = max(self.mean.numel(), self.std.numel())
        if channels not in (1, x.shape[-3]):
            raise ValueError(f"images have {x.shape[-3]} channels; the network is normalised with {channels}")
        outputs: object = self.model((x - self.mean) / self.std)
        return outputs
