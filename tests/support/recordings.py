"""Event recordings written in the published formats."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np

from bench.data.events.recording import Events


def events(n: int = 200, side: int = 34, seed: int = 0, span: int = 300_000) -> Events:
    """Random events, some at the same time, on ``side`` x ``side`` pixels."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(1000, 1000 + span, n))
    t[n // 2] = t[n // 2 - 1]
    return Events(t, rng.integers(0, side, n), rng.integers(0, side, n), rng.integers(0, 2, n))


def atis(given: Events) -> bytes:
    """N-MNIST."""
    columns = (given.x, given.y, given.p << 7 | given.t >> 16, given.t >> 8 & 255, given.t & 255)
    return np.stack(columns, 1).astype(np.uint8).tobytes()


def aedat2(given: Events, header: bytes = b"#!AER-DAT2.0\r\n# made by a test\r\n") -> bytes:
    """CIFAR10-DVS: addresses as the turned sensor gives them."""
    address = (127 - given.x) << 8 | (127 - given.y) << 1 | (1 - given.p)
    return header + np.stack((address, given.t), 1).astype(">u4").tobytes()


def packet(given: Events, *, kind: int = 1, overflow: int = 0, valid: int = 1, size: int = 8, spare: int = 0) -> bytes:
    """One packet of AEDAT 3.1. spare: events of its capacity that it does not use."""
    data = given.x << 17 | given.y << 2 | given.p << 1 | valid
    words = np.stack((data, given.t), 1).astype("<u4").tobytes() + bytes(8 * spare)
    n = len(given)
    return struct.pack("<hhiiiiii", kind, 0, size, 4, overflow, n + spare, n, n * valid) + words


AEDAT3_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def aedat3(given: Events, per_packet: int = 64) -> bytes:
    """DVS128 Gesture, with a packet of another kind among those of events."""
    starts = range(0, len(given), per_packet)
    columns = (given.t, given.x, given.y, given.p)
    parts = [packet(Events(*(column[start : start + per_packet] for column in columns))) for start in starts]
    return AEDAT3_HEADER + parts[0] + packet(given.between(0, 0), kind=0) + b"".join(parts[1:])


def npz(given: Events) -> bytes:
    """SpikingJelly."""
    file = io.BytesIO()
    np.savez_compressed(file, t=given.t, x=given.x.astype(np.uint8), y=given.y.astype(np.uint8), p=given.p)
    return file.getvalue()


def npy(given: Events) -> bytes:
    """Tonic's DVS Gesture, in milliseconds."""
    file = io.BytesIO()
    np.save(file, np.stack((given.x, given.y, given.p, given.t / 1000), 1))
    return file.getvalue()


def put(path: Path, content: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
