"""What the samples of a board are."""

from __future__ import annotations

from bench.boards.protocol import Protocol
from bench.foundation.threats import counts_events


def on_events(protocol: Protocol) -> bool:
    """Whether the board is on recordings of events."""
    return counts_events(protocol.norm)


def sampled(protocol: Protocol) -> str:
    """What its samples are called, in the plural."""
    return "recordings" if on_events(protocol) else "images"
