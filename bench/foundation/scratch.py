"""Hidden folders in which something is made ready, beside the place where it will lie.

A process that is killed leaves its folder. The next one that works at the same place removes it: whoever works in a folder
holds its lock, which the kernel drops when its holder dies. Where the file system has no locks, folders of others stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDING = ".tmp"


@contextmanager
def scratch_folder(beside: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``beside``, whose name begins with ``prefix``, removed afterwards; and so are those of the killed.

    Raises ``OSError`` where the operating system refuses to make one.
    """
    _remove_leftovers(beside, prefix)
    handle, folder = _made(beside, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _made(beside: Path, prefix: str) -> tuple[int, Path]:
    """A folder, and a handle that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=ENDING, dir=beside))
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # somebody took it for a leftover, before it was locked
            continue
        if _locked(handle) is not False and folder.exists():
            return handle, folder
        os.close(handle)


def _locked(handle: int) -> bool | None:
    """Whether the lock could be had; None where there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_leftovers(beside: Path, prefix: str) -> None:
    pattern = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(ENDING)}")
    for name in [entry.name for entry in os.scandir(beside) if pattern.fullmatch(entry.name)]:
        with contextlib.suppress(OSError):
            handle = os.open(beside / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _locked(handle):
                    shutil.rmtree(beside / name, ignore_errors=True)
            finally:
                os.close(handle)
