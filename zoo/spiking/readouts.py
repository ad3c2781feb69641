"""From spikes over time to logits."""

from __future__ import annotations

from torch import Tensor, nn


class MeanLogits(nn.Module):
    """Logits averaged over time: spikes ``(T, N, ...)`` with F units to ``(N, K)``.

    The layer is linear, so the mean of its outputs is its output for the mean spike count,
    which costs 1/T.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Mean logits ``(N, K)`` of spikes ``(T, N, ...)``."""
        logits: Tensor = self.linear((x[0] if len(x) == 1 else x.sum(0) / len(x)).flatten(1))
        return logits
