"""AEDAT 2.0 of the 128 x 128 sensor, as CIFAR10-DVS comes in (Li et al., 2017).

Lines that begin with ``#``, then pairs of big-endian 32-bit numbers: address and microseconds. Of the address, bit 0 is the
polarity, bits 1 to 7 and 8 to 14 are coordinates; bit 15 marks what is no pixel's event and is left out. The sensor was
mounted turned: as in SpikingJelly, x is 127 minus the upper coordinate, y 127 minus the lower one, and a 0 means brighter.
"""

from __future__ import annotations

import numpy as np

from bench.data.events.recording import Events, Sensor, checked

SENSOR = Sensor(128, 128)
MAGIC = b"#!AER-DAT2"
_LAST = 127


def parse_aedat2(content: bytes) -> Events:
    """The events of a file. Raises ``ValueError`` with a clause that goes on from its name."""
    if not content.startswith(MAGIC):
        raise ValueError("is no AEDAT 2.0 file: it does not begin with #!AER-DAT2.0")
    start = 0
    while content.startswith(b"#", start):
        end = content.find(b"\n", start)
        if end < 0:
            raise ValueError("is cut short within its header")
        start = end + 1
    if (len(content) - start) % 8:
        raise ValueError("is cut short: its last event is not whole")
    pairs = np.frombuffer(content, ">u4", offset=start).reshape(-1, 2).astype(np.int64)
    address, t = pairs[:, 0], pairs[:, 1]
    if len(address) and int(address.max()) > 0xFFFF:
        raise ValueError("has addresses of more than 16 bits: it is damaged, or of another camera")
    pixels = address < 0x8000
    address, t = address[pixels], t[pixels]
    return checked(t, _LAST - (address >> 8 & 127), _LAST - (address >> 1 & 127), 1 - (address & 1), SENSOR)
