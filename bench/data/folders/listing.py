"""Sorts the content of a folder into files of a kind (images, recordings), other files, folders, and what is left out.

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
class Kind:
    """What files are looked for, and how messages speak of them."""

    name: str
    """In the plural: ``images``."""
    endings: frozenset[str]
    """Of files that are read, in small letters."""
    unread: frozenset[str]
    """Of files of this kind that are not read; leaving them out without a word would change the set."""
    spec: str
    """What stands before ``:PATH``."""
    save_as: str
    """What to do with a file that is not read."""
    unsorted: str
    """What to do with files that lie in no class folder."""


IMAGES = Kind(
    "images",
    ENDINGS,
    UNREAD,
    "folder",
    "Save it as PNG",
    "Put the images of each class into a folder of its own, or add scores.csv to rated images.",
)


@dataclass(frozen=True)
class Listing:
    """One folder, without what lies in its folders; everything sorted by name."""

    files: tuple[Path, ...]
    """Of the kind, by their ending, whatever its case."""
    unread: tuple[Path, ...]
    """Of the kind, but not read."""
    others: tuple[Path, ...]
    """Other files that someone put there."""
    folders: tuple[Path, ...]
    system: tuple[Path, ...]
    """Folders that an operating system or a storage device made."""


def list_folder(folder: Path, kind: Kind = IMAGES) -> Listing:
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
        files=tuple(path for path in files if path.suffix.lower() in kind.endings),
        unread=tuple(path for path in files if path.suffix.lower() in kind.unread),
        others=tuple(path for path in files if path.suffix.lower() not in kind.endings | kind.unread),
        folders=tuple(path for path in folders if not is_system_folder(path.name)),
        system=tuple(path for path in folders if is_system_folder(path.name)),
    )


def files_below(top: Path, kind: Kind = IMAGES) -> Iterator[Path]:
    """All files of a kind in ``top`` and its folders, except in hidden folders and those of a system.

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
            if Path(name).suffix.lower() in kind.endings and not is_hidden(name):
                yield Path(folder, name)


def holds_files(folder: Path, kind: Kind) -> bool:
    """Whether a file of a kind lies in ``folder`` or below."""
    return next(files_below(folder, kind), None) is not None
