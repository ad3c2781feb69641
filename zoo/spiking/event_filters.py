"""Filters that remove suspicious events before a network sees them.

A background-activity filter (Delbruck, 2008) keeps an event only if a neighbouring pixel had one shortly before: noise is
alone, edges are not. The quantisation-aware filter does so in coarser time, and silences pixels that are active too often.
As defenses they remove what an attacker adds here and there. A filter has no useful derivative of its own, and a network
whose gradient ends at its filter only looks robust; so the backward here is straight-through (BPDA, Athalye et al., ICML
2018): a gradient passes as if every event had been kept. Filters compute in whole numbers, the same on every machine.
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


def straight_through(x: Tensor, kept: Tensor) -> Tensor:
    """Events of ``x`` ``(N, T, C, H, W)`` where ``kept`` ``(N, T, H, W)`` holds; every gradient passes."""
    filtered: Tensor = _StraightThrough.apply(x, kept[:, :, None].to(x.dtype))  # type: ignore[no-untyped-call]
    return filtered


def neighbours(counts: Tensor, ring: Tensor) -> Tensor:
    """Sum of ``counts`` ``(N, T, H, W)`` around each pixel, where ``ring`` ``(1, 1, k, k)``, k odd, is 1."""
    sums = F.conv2d(counts.flatten(0, 1)[:, None], ring.to(counts.dtype), padding=ring.shape[-1] // 2)
    return sums.view_as(counts)


def ring_of(reach: int) -> Tensor:
    """The pixels around a pixel, at most ``reach`` away in rows and columns and not itself: ``(1, 1, k, k)`` of 0 and 1."""
    ring = torch.ones(1, 1, 2 * reach + 1, 2 * reach + 1)
    ring[..., reach, reach] = 0
    return ring


def _recent(there: Tensor, memory: int) -> Tensor:
    """Sum of ``there`` ``(N, T, H, W)`` over each time and the ``memory`` times before it."""
    times = there.shape[1]
    return sum((F.pad(there, (0, 0, 0, 0, back, 0))[:, :times] for back in range(1, memory + 1)), there)


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
        self.register_buffer("ring", ring_of(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Event frames ``(N, T, C, H, W)`` without their lonely events."""
        with torch.no_grad():
            there = (x > 0).any(2).to(x.dtype)
            kept = neighbours(_recent(there, 1), self.ring) >= self.support
        return straight_through(x, kept)

    def extra_repr(self) -> str:
        """Support for ``repr``."""
        return f"support={self.support}"


class QuantisedFilter(nn.Module):
    """Approximate quantisation-aware filtering, AQF (Ahmad, Siddique, Hoque, DATE 2023, arXiv 2301.05264), on event frames.

    It joins the two filters of DVS-Attacks (Marchisio et al., IJCNN 2021), against events that stand alone and against stuck
    pixels, in quantised time. There each event has a time of its own, and only earlier events support it; here a frame is
    the finest time, and ``quantum`` frames make one tick of the filter's clock. The paper put the filter before approximate
    networks; here it stands before exact ones.

    reach, memory: an event is kept if another pixel, at most ``reach`` away in rows and columns, had an event in its tick or
        the ``memory`` ticks before. Events of the same tick support each other: frames do not say which came first.
    most: a pixel with more events in the recording, of both polarities together, is taken for a stuck one, and all its
        events are removed.
    Raises ``ValueError`` for a quantum, reach or most below 1, or a memory below 0.
    """

    ring: Tensor

    def __init__(self, *, quantum: int = 2, reach: int = 2, memory: int = 1, most: int = 12) -> None:
        super().__init__()
        if min(quantum, reach, most) < 1 or memory < 0:
            raise ValueError(
                "quantum, reach and most must be at least 1, and memory at least 0, "
                f"not {quantum}, {reach}, {most} and {memory}"
            )
        self.quantum, self.reach, self.memory, self.most = quantum, reach, memory, most
        self.register_buffer("ring", ring_of(reach), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Event frames ``(N, T, C, H, W)`` without the events that stand alone or on stuck pixels."""
        with torch.no_grad():
            frames = x.shape[1]
            stuck = (x > 0).sum((1, 2)) > self.most
            there = F.pad((x > 0).any(2).to(x.dtype), (0, 0, 0, 0, 0, -frames % self.quantum))
            ticks = there.unflatten(1, (-1, self.quantum)).amax(2)
            supported = neighbours(_recent(ticks, self.memory), self.ring) > 0
            kept = supported.repeat_interleave(self.quantum, 1)[:, :frames] & ~stuck[:, None]
        return straight_through(x, kept)

    def extra_repr(self) -> str:
        """Arguments for ``repr``."""
        return f"quantum={self.quantum}, reach={self.reach}, memory={self.memory}, most={self.most}"
