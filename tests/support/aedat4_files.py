"""AEDAT 4 files, byte by byte: flatbuffers written out by hand, so that each of their numbers can be wrong."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pyarrow

from bench.data.events.recording import Events, Sensor

CAMERA = Sensor(128, 128)
COMPRESSIONS = ("none", "lz4", "lz4 high", "zstd", "zstd high")


def description(kinds: Sequence[str] = ("EVTS",), camera: Sensor | None = None) -> str:
    """The list of streams, numbered from 0. camera: size that those of events give; None: no size."""
    size = (
        f'<attr key="sizeX" type="int">{camera.width}</attr><attr key="sizeY" type="int">{camera.height}</attr>'
        if camera
        else ""
    )
    streams = "".join(
        f'<node name="{number}" path="/outInfo/{number}/"><attr key="typeIdentifier" type="string">{kind}</attr>'
        f'<node name="info" path="/outInfo/{number}/info/">{size if kind in ("EVTS", "FRME") else ""}</node></node>'
        for number, kind in enumerate(kinds)
    )
    return f'<dv version="2.0"><node name="outInfo" path="/outInfo/">{streams}</node></dv>'


def header(text: str, compression: str, end: int) -> bytes:
    """First line and header. end: byte at which the packets end, or -1."""
    start = struct.pack("<I4s5HxxxxxxiiqI", 24, b"IOHE", 10, 20, 4, 8, 16, 16, COMPRESSIONS.index(compression), end, 4)
    content = start + struct.pack("<I", len(text.encode())) + text.encode() + b"\0"
    return b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(content)) + content


def event_packet(given: Events, kind: bytes = b"EVTS") -> bytes:
    """A packet before it is compressed: its size, and the events."""
    rows = np.zeros(len(given), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("padding", "V3")])
    for name in "txyp":
        rows[name] = getattr(given, name)
    content = struct.pack("<I4s3HxxiII", 16, kind, 6, 8, 4, 8, 4, len(given)) + rows.tobytes()
    return struct.pack("<I", len(content)) + content


def aedat4_file(
    packets: Sequence[tuple[int, bytes]], text: str, compression: str = "none", *, broken_off: bool = False
) -> bytes:
    """A file of packets (stream, content). broken_off: it does not say where they end, and has no table behind them."""
    codec = compression.split(maxsplit=1)[0]
    packed = [content if codec == "none" else pyarrow.compress(content, codec=codec, asbytes=True) for _, content in packets]
    body = b"".join(
        struct.pack("<iI", stream, len(content)) + content for (stream, _), content in zip(packets, packed, strict=True)
    )
    end = len(header(text, compression, -1)) + len(body)
    return header(text, compression, -1) + body if broken_off else header(text, compression, end) + body + b"a table"


def aedat4(given: Events, compression: str = "lz4", camera: Sensor | None = CAMERA, per_packet: int = 64) -> bytes:
    """The events of one camera."""
    columns = (given.t, given.x, given.y, given.p)
    parts = [
        Events(*(column[start : start + per_packet] for column in columns)) for start in range(0, len(given), per_packet)
    ]
    return aedat4_file([(0, event_packet(part)) for part in parts], description(camera=camera), compression)
