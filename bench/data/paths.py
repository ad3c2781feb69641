"""Names of files in messages, and folders that no user made."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from bench.foundation.errors import DataError

SYSTEM_FOLDERS = frozenset(
    (
        "__macosx",
        "@eadir",
        "@tmp",
        "@recycle",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "__pycache__",
    )
)
"""Case-folded names of what operating systems and storage devices leave in folders; some of them hold thumbnails."""

_SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden; ``._x.png`` holds what macOS keeps beside ``x.png``."""
    return name.startswith(".")


def is_system_folder(name: str) -> bool:
    """Whether a folder is one of :data:`SYSTEM_FOLDERS`."""
    return name.casefold() in SYSTEM_FOLDERS


def is_system_file(name: str) -> bool:
    """Whether a file is one that operating systems leave in folders."""
    return is_hidden(name) or name.casefold() in _SYSTEM_FILES


def composed(name: str) -> str:
    """The name in Unicode's composed form, because macOS stores it decomposed, which sorts differently."""
    return unicodedata.normalize("NFC", name)


def shown(path: Path | str) -> str:
    """The path as one printable line: control characters, and bytes that are no UTF-8, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def base_name(path: Path) -> str:
    """Last part of a path, printable; of ``.`` and ``..`` the folder that they stand for."""
    return shown(Path(os.path.abspath(path)).name)  # noqa: PTH100 - Path.resolve would follow links


def user_path(text: str) -> Path:
    """A path as a user writes it, with ``~``. Raises ``DataError`` for a user that nobody knows."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DataError(f"{shown(text)} is in the home folder of nobody.", "Write the whole path.") from error


def is_file(path: Path) -> bool:
    """Whether a regular file is there; a path that the system cannot take is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; a path that the system cannot take is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
