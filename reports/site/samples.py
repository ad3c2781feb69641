"""What the samples of a board are."""

from __future__ import annotations

from attacks.threats.event_grid import EventGrid
from bench.boards.protocol import Protocol
from bench.foundation.threats import threat_registry


def on_events(protocol: Protocol) -> bool:
    """Whether the board is on recordings of events."""
    return issubclass(threat_registry.get(protocol.norm), EventGrid)


def sampled(protocol: Protocol) -> str:
    """What its samples are called, in the plural."""
    return "recordings" if on_events(protocol) else "images"
