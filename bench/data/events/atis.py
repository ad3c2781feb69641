"""The 5-byte events of N-MNIST (Orchard et al., 2015).

x (8 bits), y (8 bits), polarity (1 bit), microseconds (23 bits), most significant byte first. As in the authors' reader, an
event with y = 240 is none: it says that the clock has run over, and all later times are 8,192 microseconds greater.
"""

from __future__ import annotations

import numpy as np

from bench.data.events.recording import Events, Sensor, checked

BYTES = 5
OVERFLOW_ROW = 240
OVERFLOW_STEP = 1 << 13


def parse_atis(content: bytes, sensor: Sensor) -> Events:
    """The events of a file. Raises ``ValueError`` with a clause that goes on from its name."""
    if len(content) % BYTES:
        raise ValueError(f"is cut short: {len(content):,} bytes are no whole number of 5-byte events")
    raw = np.frombuffer(content, np.uint8).reshape(-1, BYTES).astype(np.int64)
    x, y = raw[:, 0], raw[:, 1]
    t = (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
    overflow = y == OVERFLOW_ROW
    t = t + OVERFLOW_STEP * np.cumsum(overflow)
    is_event = ~overflow
    return checked(t[is_event], x[is_event], y[is_event], raw[is_event, 2] >> 7, sensor)
