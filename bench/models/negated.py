"""One direction for all scores: higher means better."""

from __future__ import annotations

from torch import Tensor, nn


class HigherIsBetter(nn.Module):
    """A model whose lower scores mean better images, turned round: minus its score ``(n,)``."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.model(x)
        return -scores
