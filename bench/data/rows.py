"""Rows of pixels that lie on disk: read in ranges when they are asked for, never all at once unless all are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.paths import shown
from bench.foundation.errors import DataError


class Rows(Protocol):
    """A stand-in for a tensor (N, ...) that is not in memory."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> torch.dtype: ...

    def __getitem__(self, rows: slice | Tensor) -> Rows:
        """The rows of a slice, an index tensor or a mask; nothing is read."""
        ...

    def read(self) -> Tensor:
        """All rows, of ``shape`` and ``dtype``. Raises ``DataError``."""
        ...


@dataclass(frozen=True)
class WatchedFile:
    """A file as it was when it was first looked at."""

    path: Path
    size: int
    modified: int
    """Nanoseconds."""

    @classmethod
    def of(cls, path: Path) -> WatchedFile:
        """Raises ``DataError`` if it is not there."""
        try:
            state = path.stat()
        except OSError as error:
            raise DataError(f"{shown(path)} cannot be read ({error.strerror}).", "Put it there again.") from error
        return cls(path, state.st_size, state.st_mtime_ns)

    def check(self) -> None:
        """Raises ``DataError`` if it is another file by now: a run must not mix two of them."""
        if WatchedFile.of(self.path) != self:
            raise DataError(f"{shown(self.path)} was changed while it was in use.", "Run the same command again.")


Part = tuple[int, int] | None
"""What of a file is a row, for example from when to when; None: all of it."""


class ReadRow(Protocol):
    """Gives one row; it can be pickled, so that other processes may read."""

    def __call__(self, path: Path, part: Part = None) -> NDArray[Any]:
        """Raises ``DataError`` for what cannot be read."""
        ...


@dataclass(frozen=True, eq=False)
class FileRows:
    """One row per file, or per part of a file."""

    files: tuple[tuple[WatchedFile, Part], ...]
    read_row: ReadRow
    row_shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(
        cls,
        paths: Sequence[Path],
        read_row: ReadRow,
        row_shape: Sequence[int],
        dtype: torch.dtype,
        parts: Sequence[Part] | None = None,
    ) -> FileRows:
        """Rows of ``row_shape``, one per path. Raises ``DataError`` for a path that is not there."""
        watched = {path: WatchedFile.of(path) for path in dict.fromkeys(paths)}
        files = tuple(zip(map(watched.__getitem__, paths), parts or [None] * len(paths), strict=True))
        return cls(files, read_row, tuple(row_shape), dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.files), *self.row_shape)

    def __getitem__(self, rows: slice | Tensor) -> FileRows:
        if isinstance(rows, slice):
            return replace(self, files=self.files[rows])
        places = torch.arange(len(self.files))[rows].tolist()
        return replace(self, files=tuple(self.files[place] for place in places))

    def read(self) -> Tensor:
        """All rows. Raises ``DataError``."""
        read = torch.empty(self.shape, dtype=self.dtype)
        target = read.numpy()
        for place, (file, part) in enumerate(self.files):
            file.check()
            row = self.read_row(file.path, part)
            if row.shape != self.row_shape:
                wanted, here = (" x ".join(map(str, shape)) for shape in (self.row_shape, row.shape))
                raise DataError(f"{shown(file.path)} is {here} instead of {wanted}.", "Save it again, upright.")
            target[place] = row
        return read
