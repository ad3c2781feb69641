"""Sorts the content of a folder into images, other files, folders, and what is left out.

Hidden files and folders, and what operating systems leave behind (``Thumbs.db``, ``__MACOSX``, ``@eaDir``), never count.
Links are followed. A folder is a folder even if it is called ``x.png``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.data.images.formats import ENDINGS, UNREAD
from bench.data.paths import composed, is_hidden, is_system_file, is_system_folder, shown
from bench.foundation.errors import DataError


@dataclass(frozen=True)
class Listing:
    """One folder, without what lies in its folders; everything sorted by name."""

    images: tuple[Path, ...]
    """Files with the ending of an image that is read, whatever its case."""
    unread: tuple[Path, ...]
    """Files with the ending of an image that is not read."""
    others: tuple[Path, ...]
    """Other files that someone put there."""
    folders: tuple[Path, ...]
    system: tuple[Path, ...]
    """Folders that an operating system or a storage device made."""


def list_folder(folder: Path) -> Listing:
    """The content of a folder. Raises ``DataError`` if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: entry.is_dir() for entry in entries}
    except OSError as error:
        raise DataError(
            f"{shown(folder)} cannot be listed ({error.strerror}).", "Give yourself the right to read it."
        ) from error
    names = sorted(kinds, key=composed)
    folders = [folder / name for name in names if kinds[name] and not is_hidden(name)]
    files = [folder / name for name in names if not kinds[name] and not is_system_file(name)]
    return Listing(
        images=tuple(path for path in files if path.suffix.lower() in ENDINGS),
        unread=tuple(path for path in files if path.suffix.lower() in UNREAD),
        others=tuple(path for path in files if path.suffix.lower() not in ENDINGS | UNREAD),
        folders=tuple(path for path in folders if not is_system_folder(path.name)),
        system=tuple(path for path in folders if is_system_folder(path.name)),
    )


def images_below(top: Path) -> Iterator[Path]:
    """All images in ``top`` and its folders, except in hidden folders and those of a system.

    Links to folders are not followed here, because they may lead back.
    Raises ``DataError`` if a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{shown(error.filename or top)} cannot be listed ({error.strerror}).", "Give yourself the right to read it."
        ) from error

    for folder, names, files in os.walk(top, onerror=refuse):
        names[:] = sorted(name for name in names if not is_hidden(name) and not is_system_folder(name))
        for name in sorted(files, key=composed):
            if Path(name).suffix.lower() in ENDINGS and not is_hidden(name):
                yield Path(folder, name)


def holds_images(folder: Path) -> bool:
    """Whether an image lies in ``folder`` or below."""
    return next(images_below(folder), None) is not None
