"""What killed writers leave beside the place that they wrote to, and how the next one tells it from work in progress.

Whoever writes holds the lock of its temporary file or folder, which the kernel drops when its holder dies. Where the file
system has no locks, nothing that others left is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path

TEMPORARY = ".tmp"
"""The ending of files and folders that are being written; between it and a prefix stand eight characters of ``tempfile``."""


def held(handle: int) -> bool | None:
    """Whether the lock of an open file or folder could be had, without waiting; None where there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def remove_leftovers(folder: Path, prefix: str, flags: int, remove: Callable[[Path], object]) -> None:
    """Remove what lies in ``folder`` under names with this prefix and whose lock can be had.

    flags: of ``os.open``, by which what is of another kind is left alone. remove: is given the path, and may raise
    ``OSError``. Raises ``OSError`` for a folder that cannot be listed.
    """
    pattern = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(TEMPORARY)}")
    for path in [Path(entry.path) for entry in os.scandir(folder) if pattern.fullmatch(entry.name)]:
        with contextlib.suppress(OSError):
            handle = os.open(path, flags | os.O_NOFOLLOW)
            try:
                if held(handle):
                    remove(path)
            finally:
                os.close(handle)
