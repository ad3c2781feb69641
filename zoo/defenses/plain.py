"""No defense: cross-entropy on clean images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.base import Defense


@dataclass(frozen=True, kw_only=True)
class Plain(Defense):
    """``CE(f(x), y)``."""

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy, a scalar, and the logits ``(n, K)`` of ``x`` ``(n, C, H, W)``."""
        logits: Tensor = model(x)
        return F.cross_entropy(logits, y), logits
