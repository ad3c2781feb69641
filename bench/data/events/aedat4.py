"""AEDAT 4, as iniVation's DV software and dv-processing record DVXplorer and DAVIS cameras.

A first line ``#!AER-DAT4.0``; then a header, which is a flatbuffer: how packets are compressed, where the table of packets
at the end of the file begins (-1 in a recording that was broken off), and an XML text that lists the streams and the size
of the camera of each. Then packets: number of the stream, bytes, and a flatbuffer behind its own size, compressed as a frame
of LZ4 or ZSTD. An event takes 16 bytes: microseconds since 1970 (64 bits), x and y (16 bits each), polarity (8 bits).

Only streams of events are unpacked: images, triggers and motion are passed over. A packet is unpacked piece by piece up to
the size that it promises, so that memory is bounded by :data:`LARGEST`. The PyPI package ``aedat`` reads the same files, but
follows offsets unchecked and takes whatever memory a file promises; it is an oracle of the tests.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from bench.data.events.flatbuffer import Table
from bench.data.events.recording import Events, Sensor, checked

LARGEST = 1 << 29
"""Bytes of all events together, unpacked: 2^25 events."""
LARGEST_HEADER = 1 << 20
"""Bytes."""
MAGIC = b"#!AER-DAT4.0\r\n"
_EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("padding", "V3")])
_COMPRESSIONS = (None, "lz4", "lz4", "zstd", "zstd")
_PIECE = 1 << 20
_COUNT = struct.Struct("<I")
_PACKET = struct.Struct("<iI")


@dataclass(frozen=True)
class _Header:
    compression: str | None
    start: int
    """First byte behind the header."""
    end: int
    """First byte behind the packets; -1: they go on to the end of the file."""
    streams: frozenset[int]
    cameras: Mapping[int, Sensor | None]
    """Of the streams of events; None where the header does not say it."""


def parse_aedat4(content: bytes, sensor: Sensor) -> Events:
    """The events of a file. Raises ``ValueError`` with a clause that goes on from its name."""
    header = _header(content)
    packets: dict[int, list[NDArray[Any]]] = {}
    left = LARGEST
    for stream, packed in _packets(memoryview(content), header):
        if stream in header.cameras:
            events = _events(_unpacked(packed, header.compression, left))
            left -= events.nbytes
            if len(events):
                packets.setdefault(stream, []).append(events)
    if not packets:
        raise ValueError("holds no events")
    if len(packets) > 1:
        numbers = " and ".join(map(str, sorted(packets)))
        raise ValueError(f"has events of streams {numbers}: export one of them alone")
    ((stream, parts),) = packets.items()
    if (camera := header.cameras[stream]) not in (None, sensor):
        raise ValueError(f"is of a camera of {camera} pixels instead of {sensor}")
    events = np.concatenate(parts)
    if int(events["t"].min()) < 0:
        raise ValueError("has times before 1970: it is damaged")
    return checked(events["t"], events["x"], events["y"], events["p"], sensor)


def camera_of_aedat4(content: bytes) -> Sensor | None:
    """Of the streams of events, from the beginning of a file; None if they do not say it, or not the same.

    Raises ``ValueError`` as :func:`parse_aedat4`.
    """
    sizes = set(_header(content).cameras.values())
    return sizes.pop() if len(sizes) == 1 else None


def _header(content: bytes) -> _Header:
    if not content.startswith(MAGIC):
        raise ValueError("is no AEDAT 4 file: it does not begin with #!AER-DAT4.0")
    first = len(MAGIC) + _COUNT.size
    if len(content) < first:
        raise ValueError("is cut short within its header")
    (size,) = _COUNT.unpack_from(content, len(MAGIC))
    if size > LARGEST_HEADER:
        raise ValueError(f"has a header of {size:,} bytes: it is damaged")
    if len(content) - first < size:
        raise ValueError("is cut short within its header")
    table = Table.root(content[first : first + size], b"IOHE")
    compression = table.number(0, "<i", 0)
    if not 0 <= compression < len(_COMPRESSIONS):
        raise ValueError(f"is compressed in a way that is not known ({compression})")
    at, length = table.vector(2, 1)
    streams, cameras = _streams(table.content[at : at + length])
    return _Header(_COMPRESSIONS[compression], first + size, table.number(1, "<q", -1), streams, cameras)


def _streams(description: bytes) -> tuple[frozenset[int], dict[int, Sensor | None]]:
    """All streams, and the cameras of those of events."""
    try:
        text = description.decode()
        if "<!DOCTYPE" in text:  # could define entities, which grow without end
            raise ElementTree.ParseError
        top = ElementTree.fromstring(text)  # noqa: S314 - bounded, and without entities
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError("has a header whose list of streams is no XML") from error
    streams: set[int] = set()
    cameras: dict[int, Sensor | None] = {}
    for node in top.iterfind("node[@name='outInfo']/node"):
        name = node.get("name", "")
        if not re.fullmatch(r"\d{1,9}", name, re.ASCII):
            raise ValueError("has a stream without a number")
        streams.add(int(name))
        if node.findtext("attr[@key='typeIdentifier']") == "EVTS":
            width, height = (node.findtext(f"node[@name='info']/attr[@key='{side}']") for side in ("sizeX", "sizeY"))
            cameras[int(name)] = _camera(width, height)
    if not cameras:
        raise ValueError("has no stream of events")
    return frozenset(streams), cameras


def _camera(width: str | None, height: str | None) -> Sensor | None:
    if width is None or height is None:
        return None
    if not all(re.fullmatch(r"[1-9]\d{0,4}", side, re.ASCII) for side in (width, height)):
        raise ValueError("has a header that gives its camera no size")
    return Sensor(int(height), int(width))


def _packets(content: memoryview, header: _Header) -> Iterator[tuple[int, memoryview]]:
    """Stream and content of each packet, as it is packed."""
    end = len(content) if header.end == -1 else header.end
    if end < header.start:
        raise ValueError("has a header that places the end of its packets before their beginning")
    if end > len(content):
        raise ValueError(f"is cut short: it has {len(content):,} bytes, and its packets end at byte {end:,}")
    place = header.start
    while place < end:
        if end - place < _PACKET.size:
            raise ValueError("is cut short within the header of a packet")
        stream, size = _PACKET.unpack_from(content, place)
        place += _PACKET.size
        if size > end - place:
            raise ValueError("is cut short: its last packet is not whole")
        if stream not in header.streams:
            raise ValueError(f"has a packet of stream {stream}, which its header does not list")
        yield stream, content[place : place + size]
        place += size


def _unpacked(packed: memoryview, compression: str | None, most: int) -> bytes:
    """The flatbuffer in a packet. Raises ``ValueError`` for one that is damaged, or of more than ``most`` bytes."""
    import pyarrow

    try:
        source = pyarrow.input_stream(packed, compression=compression) if compression else io.BytesIO(packed)
        size = int.from_bytes(source.read(_COUNT.size), "little")
        if size > most:
            raise ValueError(f"holds more than {LARGEST >> 20} MB of events")
        content = bytearray()
        while len(content) < size and (piece := source.read(min(_PIECE, size - len(content)))):
            content += piece
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError("has a packet that cannot be unpacked: it is damaged") from error
    if len(content) < size:
        raise ValueError("has a packet that ends before its events do: it is damaged")
    return bytes(content)


def _events(content: bytes) -> NDArray[Any]:
    start, count = Table.root(content, b"EVTS").vector(0, _EVENT.itemsize)
    return np.frombuffer(content, _EVENT, count, start)
