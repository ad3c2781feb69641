"""Files that are either old or new, never half-written; and hashes of what lies in them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.foundation.errors import StorageError, StorageRemark, translate_os_error
from bench.foundation.leftovers import TEMPORARY, held, remove_leftovers

UNSUPPORTED = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""What file systems answer to a call that they do not know, such as those of Lustre, SMB, FUSE and WSL."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name when the block succeeds.

    The content is fsynced before the rename and the folder after it, and an existing file keeps its mode, as far as the file
    system knows these calls. On any exception, Ctrl-C included, the temporary file is removed and the old file stays; what a
    killed writer left is removed by the next writer of the same file.
    Raises ``StorageError`` where the operating system refuses.
    """
    try:
        remove_leftovers(path.parent, _prefix(path), os.O_RDWR | os.O_NONBLOCK, Path.unlink)
        handle, temporary = _temporary_beside(path)
    except OSError as error:
        raise translate_os_error(error, path) from error
    try:
        yield temporary
        sync_path(temporary)
        with unless_unknown(errno.EPERM, errno.EACCES):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
        sync_path(path.parent)
    except StorageError:
        raise
    except OSError as error:
        raise translate_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        os.close(handle)


def _temporary_beside(path: Path) -> tuple[int, Path]:
    """A new file beside ``path`` and a handle that holds its lock, by which others see that its writer is alive."""
    while True:
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=TEMPORARY, dir=path.parent)
        if held(handle) is not False and os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # somebody took it for a leftover, before it was locked


def _prefix(path: Path) -> str:
    """What the names of temporary files beside ``path`` begin with."""
    return f".{path.name}."


@contextmanager
def unless_unknown(*others: int) -> Iterator[None]:
    """Pass over errors of calls that the file system does not know, or answers with one of the numbers ``others``."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNSUPPORTED and error.errno not in others:
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_path(path: Path) -> None:
    """Make what was written to a file, or renamed in a folder, survive a loss of power, where the file system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        sync_handle(handle)
    finally:
        os.close(handle)


def sync_handle(handle: int) -> None:
    """:func:`sync_path` of an open file or folder."""
    with unless_unknown(errno.EBADF):
        os.fsync(handle)


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises ``StorageError`` where that is refused."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise translate_os_error(error, path) from error


def copy_folder(source: Path, target: Path) -> None:
    """Copy the content of a folder and of the folders below it to ``target``, which does not exist yet.

    Nothing but content is copied: file systems without modes, or without times that a user may set, would refuse the rest.
    Raises ``StorageError`` where the operating system refuses.
    """
    try:
        target.mkdir(parents=True)
        for path in sorted(source.rglob("*")):
            copy = target / path.relative_to(source)
            if path.is_dir():
                copy.mkdir()
            else:
                shutil.copyfile(path, copy)
    except OSError as error:
        raise translate_os_error(error, target) from error


def remove_file(path: Path) -> None:
    """Remove a file, if it is there, for good. Raises ``StorageError`` where that is refused."""
    try:
        path.unlink(missing_ok=True)
        sync_path(path.parent)
    except OSError as error:
        raise translate_os_error(error, path) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else holds the lock of ``folder`` until the block ends; waits for its turn. It cannot be taken twice.

    The lock is on the folder itself, so nothing is left behind, and the kernel drops it when its holder dies. Where the file
    system has no locks, a :class:`StorageRemark` says so.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise translate_os_error(error, folder) from error
    try:
        take_lock(handle, folder)
        yield
    finally:
        os.close(handle)


def take_lock(handle: int, place: Path, *, wait: bool = True) -> None:
    """Lock an open file or folder until it is closed; where the file system has no locks, say so and go on.

    place: named in messages. Raises ``BlockingIOError`` if another process holds the lock and ``wait`` is false, and
    ``StorageError`` where the lock fails.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in UNSUPPORTED and error.errno not in (errno.ENOLCK, errno.EBADF, errno.EPERM):
            raise translate_os_error(error, place) from error
        remark = f"The file system of {place} has no locks: let no other process write there until this one has ended."
        warnings.warn(remark, StorageRemark, stacklevel=2)


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Replace the content of ``path``; see :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: Path, text: str) -> None:
    """Replace the content of ``path`` with UTF-8 text; see :func:`atomic_path`."""
    atomic_write_bytes(path, text.encode())


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal sha256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one JSON text of ``value``: sorted keys, no spaces, shortest floats.

    Raises ``ValueError`` for NaN and infinities, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """sha256 of the canonical JSON of ``value``."""
    return sha256_bytes(canonical_json(value))
