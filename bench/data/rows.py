"""Rows of pixels that lie on disk: read in ranges when they are asked for, never all at once unless all are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.paths import shown
from bench.foundation.errors import DataError


class Rows(Protocol):
    """What stands for a tensor (N, ...) without being in memory."""

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


@dataclass(frozen=True, eq=False)
class FileRows:
    """One row per file."""

    files: tuple[WatchedFile, ...]
    read_file: Callable[[Path], NDArray[Any]]
    """Gives one row; it can be pickled, so that other processes may read."""
    row_shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(
        cls, paths: Sequence[Path], read_file: Callable[[Path], NDArray[Any]], row_shape: Sequence[int], dtype: torch.dtype
    ) -> FileRows:
        """Rows of ``row_shape``, one per path. Raises ``DataError`` for a path that is not there."""
        return cls(tuple(map(WatchedFile.of, paths)), read_file, tuple(row_shape), dtype)

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
        for place, file in enumerate(self.files):
            file.check()
            row = self.read_file(file.path)
            if row.shape != self.row_shape:
                wanted, here = (" x ".join(map(str, shape)) for shape in (self.row_shape, row.shape))
                raise DataError(f"{shown(file.path)} is {here} instead of {wanted}.", "Save it again, upright.")
            target[place] = row
        return read
