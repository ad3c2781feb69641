"""The journal of a run: finished units, one checksummed line each, appended and fsynced.

A killed process can leave at most an incomplete last line. On reopening, that line is cut off and damaged lines are skipped;
their units are computed again, and all other units are reused. Only one process may open a journal.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from bench.foundation.errors import JournalError, translate_os_error
from bench.foundation.files import sync_handle, take_lock
from bench.foundation.leftovers import held

FINISHED = "finished"
"""The last entry of a journal: all that it keeps is about to be in a record, and images beside it."""


def _line(key: str, data: Any) -> bytes:
    body = json.dumps([key, data], separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _parsed(line: bytes) -> tuple[str, Any] | None:
    crc, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if not line.endswith(b"\n") or int(crc, 16) != zlib.crc32(body):
            return None
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    proper = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
    return (entry[0], entry[1]) if proper else None


class Journal:
    """An open journal. done: key to data of every finished unit. damaged: number of skipped lines."""

    def __init__(self, path: Path, file: FileIO, done: dict[str, Any], damaged: int) -> None:
        self.path = path
        self.done = done
        self.damaged = damaged
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, identity: str, fresh: bool = False) -> Iterator[Journal]:
        """Open or create the journal of the run ``identity``, locked until the block ends.

        fresh: discard its contents.
        Raises ``JournalError`` if it belongs to another run or is in use, and
        ``StorageError`` if it cannot be written.
        """
        try:
            # Unbuffered: on a full disk, closing the file would otherwise write the buffer again and fail again.
            file = path.open("a+b", buffering=0)
        except OSError as error:
            raise translate_os_error(error, path) from error
        with file:
            try:
                take_lock(file.fileno(), path.parent, wait=False)
            except BlockingIOError as error:
                raise JournalError(
                    f"Another process is working on {path.parent}.", "Wait for it, or use another --out."
                ) from error
            if fresh:
                file.truncate(0)
            file.seek(0)
            lines = file.readlines()
            if lines and not lines[-1].endswith(b"\n"):
                # An incomplete last line is cut off, so that the next entry starts on a line of its own.
                file.truncate(file.tell() - len(lines.pop()))
            entries = [_parsed(line) for line in lines]
            if lines and entries[0] != ("run", identity):
                raise JournalError(f"{path} belongs to another run or is damaged.", "Delete it, or use another --out.")
            valid_entries = [entry for entry in entries[1:] if entry is not None]
            journal = cls(path, file, dict(valid_entries), max(len(lines) - 1, 0) - len(valid_entries))
            if not lines:
                journal._write(_line("run", identity))
            yield journal

    def append(self, key: str, data: Any) -> None:
        """Add a finished unit; it is on disk when this returns. Raises ``StorageError`` if it cannot be written."""
        self._write(_line(key, data))
        self.done[key] = data

    def _write(self, line: bytes) -> None:
        try:
            remaining = memoryview(line)
            while remaining:
                remaining = remaining[self._file.write(remaining) :]
            sync_handle(self._file.fileno())
        except OSError as error:
            raise translate_os_error(error, self.path) from error


def remove_finished(path: Path) -> None:
    """Remove the journal at ``path`` if all of its run is in a record: its writer was killed after its last entry.

    One in which another process goes on, or that ends with another entry, stays, and so does one that may not be removed.
    """
    with contextlib.suppress(OSError), path.open("rb") as file:
        lines = file.readlines() if held(file.fileno()) else []
        if lines and _parsed(lines[-1]) == (FINISHED, True):
            path.unlink()
