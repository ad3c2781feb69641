"""Checks that a file on disk is the published one: its size on every load, its checksum once.

A file whose checksum was right is remembered by size and modification time in ``.verified``
beside it, so that later loads cost nothing. Trade-off: damage that keeps both goes unseen until
that file is removed. md5 is what the sets are published with; it finds damage, not malice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.data.info import StoredFile
from bench.foundation.errors import DataError, StorageError
from bench.foundation.files import atomic_write_text

MEMORY = ".verified"


def md5_bytes(data: bytes) -> str:
    """Hexadecimal md5."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def md5_file(path: Path) -> str:
    """Hexadecimal md5 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_files(folder: Path, files: Iterable[StoredFile], fix: str) -> None:
    """Raise ``DataError`` (with ``fix``) if a file is missing, cut short or damaged."""
    memory = _recall(folder)
    before = dict(memory)
    for file in files:
        path = folder / file.name
        try:
            state = path.stat()
        except OSError as error:
            raise DataError(f"{path} is missing.", fix) from error
        if state.st_size != file.size:
            raise DataError(f"{path} has {state.st_size:,} bytes instead of {file.size:,}.", fix)
        known = memory.get(file.name) or [0, 0, None]
        expected = file.md5 or known[2]
        if known == [state.st_size, state.st_mtime_ns, expected]:
            continue
        if expected is None:
            raise DataError(f"Nothing says what {path} should hold.", fix)
        try:
            actual = md5_file(path)
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).", fix) from error
        if actual != expected:
            raise DataError(f"{path} is damaged: its md5 is {actual} instead of {expected}.", fix)
        memory[file.name] = [state.st_size, state.st_mtime_ns, expected]
    if memory != before:
        _keep(folder, memory)


def remember(folder: Path, md5s: dict[str, str]) -> None:
    """Record files that were just checked, name to md5."""
    memory = _recall(folder)
    for name, md5 in md5s.items():
        state = (folder / name).stat()
        memory[name] = [state.st_size, state.st_mtime_ns, md5]
    _keep(folder, memory)


def _recall(folder: Path) -> dict[str, Any]:
    try:
        memory = json.loads((folder / MEMORY).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _keep(folder: Path, memory: dict[str, Any]) -> None:
    # A shared data root may be read-only; then every load checks again.
    with contextlib.suppress(StorageError):
        atomic_write_text(folder / MEMORY, json.dumps(memory, indent=1))
