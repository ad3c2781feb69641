"""A model that reconstructs and whose worst scene is known in closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dimmed(nn.Module):
    """Shows a share of the light: a scene x is missed by ``(1 - share) x``, which is worst where the scene is brightest."""

    task = "reconstruction"

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, x: Tensor) -> Tensor:
        return self.share * x
