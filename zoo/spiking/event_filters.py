"""Filters that remove lonely events before a network sees them.

A background-activity filter (Delbruck, 2008) keeps an event only if a neighbouring pixel had one shortly before: noise is
alone, edges are not. As a defense it removes what an attacker adds here and there. A filter has no useful derivative of its
own, and a network whose gradient ends at its filter only looks robust; so the backward here is straight-through (BPDA,
Athalye et al., ICML 2018): a gradient passes as if every event had been kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _StraightThrough(torch.autograd.Function):
    """Frames times what is kept; backward, every gradient passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor) -> Tensor:
        return x * kept

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


class BackgroundActivityFilter(nn.Module):
    """Keeps an event if at least ``support`` of the 8 neighbouring pixels had one in the same frame or the one before.

    Events of either polarity support each other. Raises ``ValueError`` for a support outside of 1 to 16.
    """

    ring: Tensor

    def __init__(self, *, support: int = 1) -> None:
        super().__init__()
        if not 1 <= support <= 16:
            raise ValueError(f"support must be 1 to 16 neighbours, in two frames of 8, not {support}")
        self.support = support
        ring = torch.ones(1, 1, 3, 3)
        ring[..., 1, 1] = 0
        self.register_buffer("ring", ring, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Event frames ``(N, T, C, H, W)`` without their lonely events."""
        with torch.no_grad():
            there = (x > 0).any(2).to(x.dtype)
            recent = there + F.pad(there, (0, 0, 0, 0, 1, 0))[:, :-1]
            neighbours = F.conv2d(recent.flatten(0, 1)[:, None], self.ring.to(x.dtype), padding=1)
            kept = (neighbours >= self.support).to(x.dtype).view(len(x), x.shape[1], 1, *x.shape[3:])
        filtered: Tensor = _StraightThrough.apply(x, kept)  # type: ignore[no-untyped-call]
        return filtered

    def extra_repr(self) -> str:
        """Support for ``repr``."""
        return f"support={self.support}"
