"""AEDAT 3.1, as DVS128 Gesture comes in (Amir et al., 2017), and its tables of labels.

A header of lines that ends with ``#!END-HEADER``, then packets: 28 bytes of header (type, source, size of an event, offset
of the time in it, overflow of the time, capacity, number, number of valid ones; little-endian) and as many events as the
capacity says. Type 1 are polarity events of 8 bytes: bit 0 valid, bit 1 polarity, bits 2 to 16 y, bits 17 to 31 x, then
32 bits of microseconds, to which the overflow adds 2^31 each. Events that are not marked valid are left out.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.events.recording import Events, Integers, Sensor, checked

SENSOR = Sensor(128, 128)
GESTURES = 11
MAGIC = b"#!AER-DAT3.1"
_END = b"#!END-HEADER"
_HEADER = struct.Struct("<hhiiiiii")
_POLARITY, _BYTES = 1, 8


@dataclass(frozen=True)
class Gesture:
    """One labelled stretch of a recording."""

    label: int
    """From 0."""
    start: int
    """Microseconds."""
    stop: int


def parse_aedat3(content: bytes | memoryview, start: int | None = None, stop: int | None = None) -> Events:
    """The events of a file with ``start <= t < stop``.

    Packets that lie wholly outside are not decoded. Raises ``ValueError`` with a clause that goes on from the file's name.
    """
    low, high = (0 if start is None else start), (1 << 62 if stop is None else stop)
    packets = [
        _valid(words, overflow) for words, overflow in _packets(memoryview(content)) if _overlaps(words, overflow, low, high)
    ]
    if not packets:
        raise ValueError("holds no events" if stop is None else f"holds no events between {low} and {high} microseconds")
    t, data = (np.concatenate(columns) for columns in zip(*packets, strict=True))
    events = checked(t, data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1, SENSOR).between(low, high)
    if not len(events):
        raise ValueError(f"holds no events between {low} and {high} microseconds")
    return events


def parse_labels(text: str) -> list[Gesture]:
    """The stretches of a table ``class,startTime_usec,endTime_usec``, in its order. Raises ``ValueError`` with a clause."""
    gestures = []
    for number, row in enumerate(csv.reader(text.splitlines()), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and not cells[0].isdecimal()):
            continue
        if len(cells) != 3 or not all(cell.isascii() and cell.isdecimal() and len(cell) < 16 for cell in cells):
            raise ValueError(f"has no class, start and end in line {number}")
        label, start, stop = map(int, cells)
        if not 1 <= label <= GESTURES or start >= stop:
            raise ValueError(f"has the class {label} from {start} to {stop} in line {number}")
        gestures.append(Gesture(label - 1, start, stop))
    if not gestures:
        raise ValueError("names no gesture")
    return gestures


Words = NDArray[np.uint32]
"""(N, 2): data and time of each event."""


def _overlaps(words: Words, overflow: int, low: int, high: int) -> bool:
    if not len(words):
        return False
    first, last = int(words[:, 1].min()) + overflow, int(words[:, 1].max()) + overflow
    return last >= low and first < high


def _valid(words: Words, overflow: int) -> tuple[Integers, Integers]:
    """Microseconds and data words of the events that are marked valid."""
    words = words[(words[:, 0] & 1) == 1]
    return words[:, 1].astype(np.int64) + overflow, words[:, 0].astype(np.int64)


def _packets(content: memoryview) -> Iterator[tuple[Words, int]]:
    """Polarity events packet by packet, and what is to be added to their times."""
    place = _after_header(content)
    while place < len(content):
        if len(content) - place < _HEADER.size:
            raise ValueError("is cut short within the header of a packet")
        kind, _, size, _, overflow, capacity, number, _ = _HEADER.unpack_from(content, place)
        place += _HEADER.size
        if size <= 0 or capacity < 0 or not 0 <= number <= capacity or overflow < 0:
            raise ValueError("has a packet whose header makes no sense")
        if capacity * size > len(content) - place:
            raise ValueError("is cut short: its last packet is not whole")
        if kind == _POLARITY:
            if size != _BYTES:
                raise ValueError(f"has polarity events of {size} bytes instead of {_BYTES}")
            yield np.frombuffer(content, "<u4", number * 2, place).reshape(-1, 2), overflow << 31
        place += capacity * size


def _after_header(content: memoryview) -> int:
    head = bytes(content[: 1 << 16])
    if not head.startswith(MAGIC):
        raise ValueError("is no AEDAT 3.1 file: it does not begin with #!AER-DAT3.1")
    end = head.find(_END)
    line_end = head.find(b"\n", end)
    if end < 0 or line_end < 0:
        raise ValueError("is cut short: its header has no end")
    return line_end + 1
