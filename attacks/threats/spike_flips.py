"""Bits of a spike camera's stream flipped: a spike added or removed, anywhere in planes and ticks.

Inputs are planes ``(n, T, ...)`` of 0 and 1, as the camera sends them. The ball is that of events added and removed on a
binary grid, and searches for events work in it; what is counted are bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks.threats.events_l0 import EventsL0


@dataclass(frozen=True, kw_only=True)
class SpikeFlips(EventsL0):
    """At most eps bits of the stream flipped. eps: a number from 1, 0, or below 1 a share of each sample's spikes."""

    name: ClassVar[str] = "spike_flips"
    text: ClassVar[str] = "at most so many bits of the spike stream may be flipped, or a share of the sample's spikes"
    display_unit: ClassVar[str] = "bits"
