"""Image files of 16 bits per channel, written byte by byte, because Pillow does not write colours of that depth."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint16]


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(levels: Levels, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of (H, W, C): grey, grey with alpha, RGB, RGBA. Its rows use the five filters in turn.

    before, after: further chunks on each side of the pixels.
    """
    height, width, channels = levels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = levels.astype(">u2").tobytes()
    stride, unit = width * channels * 2, channels * 2
    lines, above = [], bytes(stride)
    for number in range(height):
        line = rows[number * stride : (number + 1) * stride]
        lines.append(bytes([number % 5]) + _filtered(line, above, unit, number % 5))
        above = line
    pixels = chunk(b"IDAT", zlib.compress(b"".join(lines)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + pixels + after + chunk(b"IEND", b"")


def _filtered(line: bytes, above: bytes, unit: int, kind: int) -> bytes:
    out = bytearray()
    for i, value in enumerate(line):
        left, up = (line[i - unit] if i >= unit else 0), above[i]
        corner = above[i - unit] if i >= unit else 0
        guess = left + up - corner
        nearest = min((abs(guess - one), order, one) for order, one in enumerate((left, up, corner)))[2]
        out.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
    return bytes(out)


def tiff(levels: Levels, *, big_endian: bool = False, deflate: bool = False, **tags: Any) -> bytes:
    """A TIFF of (H, W, 1) or (H, W, 3) in one strip. tags: ``t339=2`` sets tag 339."""
    height, width, channels = levels.shape
    order = ">" if big_endian else "<"
    pixels = levels.astype(f"{order}u2").tobytes()
    if deflate:
        pixels = zlib.compress(pixels)
    bits = 8 if channels == 1 else 8 + len(pixels)
    entries: dict[int, tuple[int, int, int]] = {
        256: (3, 1, width),
        257: (3, 1, height),
        258: (3, channels, 16 if channels == 1 else bits),
        259: (3, 1, 8 if deflate else 1),
        262: (3, 1, 1 if channels == 1 else 2),
        273: (4, 1, 8),
        277: (3, 1, channels),
        278: (3, 1, height),
        279: (4, 1, len(pixels)),
        284: (3, 1, 1),
    }
    entries |= {int(name[1:]): (3, 1, value) for name, value in tags.items()}
    body = pixels + struct.pack(f"{order}{channels}H", *[16] * channels)
    directory = struct.pack(f"{order}H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        short = kind == 3 and count == 1
        field = struct.pack(f"{order}HH" if short else f"{order}I", *((value, 0) if short else (value,)))
        directory += struct.pack(f"{order}HHI", tag, kind, count) + field
    start = struct.pack(f"{order}2sHI", b"MM" if big_endian else b"II", 42, 8 + len(body))
    return start + body + directory + bytes(4)


def levels(height: int, width: int, channels: int, seed: int = 0) -> Levels:
    """Random levels over the whole range, with both ends among them."""
    drawn = np.random.default_rng(seed).integers(0, 65536, (height, width, channels), dtype=np.uint16)
    drawn[0, 0], drawn[-1, -1] = 0, 65535
    return drawn
