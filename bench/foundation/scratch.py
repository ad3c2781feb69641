"""Hidden folders in which something is made ready, beside the place where it will lie.

A process that is killed leaves its folder. The next one that works at the same place removes it: whoever works in a folder
holds its lock, which the kernel drops when its holder dies. Where the file system has no locks, folders of others stay.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.foundation.leftovers import TEMPORARY, held, remove_leftovers


@contextmanager
def scratch_folder(beside: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``beside``, whose name begins with ``prefix``, removed afterwards; and so are those of the killed.

    Raises ``OSError`` where the operating system refuses to make one.
    """
    remove_leftovers(beside, prefix, os.O_RDONLY | os.O_DIRECTORY, _remove)
    handle, folder = _made(beside, prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(handle)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _made(beside: Path, prefix: str) -> tuple[int, Path]:
    """A folder, and a handle that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=TEMPORARY, dir=beside))
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # somebody took it for a leftover, before it was locked
            continue
        if held(handle) is not False and folder.exists():
            return handle, folder
        os.close(handle)
