"""One recording as a stream: the file is mapped into memory, and planes are read in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.paths import shown
from bench.data.rows import WatchedFile
from bench.data.spikecam.config import read_geometry
from bench.data.spikecam.geometry import Geometry
from bench.data.spikecam.packed import Packed, Planes, unpack
from bench.foundation.errors import DataError

BLOCK = 8 * 2**20
"""Bytes of a file that are read at a time; unpacked, they are eight times as many."""


@dataclass(frozen=True)
class SpikeStream:
    """A recording on disk; nothing of it is in memory.

    ``len(stream)`` is its number of planes.
    """

    file: WatchedFile
    geometry: Geometry

    @classmethod
    def open(cls, path: Path, top: Path | None = None) -> SpikeStream:
        """A ``.dat`` file with its configuration beside it, or in a folder between ``top`` and the file.

        Raises ``DataError`` for one that is missing, empty, or no whole number of planes.
        """
        try:
            regular = path.is_file()
        except (OSError, ValueError):
            regular = False
        if not regular:
            raise DataError(f"{shown(path)} is no file.", "Name the .dat file of a recording.")
        file, geometry = WatchedFile.of(path), read_geometry(path, top)
        if file.size == 0:
            raise DataError(f"{shown(path)} is empty.", "Copy the recording again.")
        if file.size % geometry.plane_bytes:
            size = f"{geometry.height} x {geometry.width}"
            raise DataError(
                f"{shown(path)} has {file.size:,} bytes, which are no whole number of planes of {size} "
                f"({geometry.plane_bytes:,} bytes each).",
                "Copy the recording again, or correct spike_h and spike_w in the config.yaml beside it.",
            )
        return cls(file, geometry)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.file.path

    def __len__(self) -> int:
        return self.file.size // self.geometry.plane_bytes

    def packed(self, start: int, stop: int) -> Packed:
        """The bytes (stop - start, plane_bytes) of planes, mapped, not copied.

        Raises ``DataError`` for planes that the recording does not have, and for a file that was changed.
        """
        if not 0 <= start <= stop <= len(self):
            raise DataError(
                f"{shown(self.path)} has {len(self):,} planes, and {start:,} to {stop:,} were asked for.", "Ask for fewer."
            )
        if start == stop:
            return np.empty((0, self.geometry.plane_bytes), np.uint8)
        self.file.check()
        try:
            return np.memmap(
                self.path,
                np.uint8,
                "r",
                offset=start * self.geometry.plane_bytes,
                shape=(stop - start, self.geometry.plane_bytes),
            )
        except OSError as error:
            raise DataError(
                f"{shown(self.path)} cannot be read ({error.strerror}).", "Give yourself the right to read it."
            ) from error

    def planes(self, start: int, stop: int) -> Planes:
        """Planes (stop - start, H, W), bool, the first row at the top. Raises like :meth:`packed`."""
        return unpack(self.packed(start, stop), self.geometry)

    def blocks(self) -> Iterator[Packed]:
        """All bytes in order, in blocks of at most :data:`BLOCK` bytes and at least one plane."""
        planes = max(1, BLOCK // self.geometry.plane_bytes)
        for start in range(0, len(self), planes):
            yield self.packed(start, min(start + planes, len(self)))
