"""The forms in which one set is handed around, found in whatever a route or a user brought.

A layout names the files that must lie together in one folder and says how they become the stored ones.
Folders are searched a few levels deep; archives give up only regular files that a layout names, under
their base names, so that nothing in an archive can choose where it is written.
"""

from __future__ import annotations

import lzma
import os
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEPTH = 5
"""Levels below the given folder that are searched; Debian's packages need four."""

LARGEST = 512 * 2**20
"""Bytes: the largest file taken from an archive, a guard against archives that unpack without end."""

MALFORMED = (
    *(ValueError, OSError, EOFError, LookupError, TypeError, ArithmeticError, RecursionError, SyntaxError, struct.error),
    *(tarfile.TarError, zlib.error, lzma.LZMAError),
)
"""What reading a damaged archive, image or array raises."""


@dataclass(frozen=True)
class Layout:
    """One form of a set."""

    title: str
    files: tuple[str, ...]
    """Base names that lie together in one folder."""
    convert: Callable[[Mapping[str, Path]], Iterator[tuple[str, bytes]]]
    """From those files to (stored name, content), one at a time. Raises one of ``MALFORMED``."""
    md5: Mapping[str, str] = field(default_factory=dict)
    """Checksums that must hold before ``convert`` may read; needed where the stored files have none."""


def find_layouts(
    brought: Path, layouts: Sequence[Layout], archives: Collection[str], scratch: Path
) -> Iterator[tuple[Layout, dict[str, Path]]]:
    """Every place in ``brought`` where all files of a layout lie together.

    brought: a folder, or an archive of any name. archives: names of archives that are opened when they lie in a
    searched folder. scratch: an empty folder for what they hold. Raises ``tarfile.TarError`` on a broken archive.
    """
    wanted = {name for layout in layouts for name in layout.files}
    if brought.is_file():
        yield from _in_folder(extract(brought, wanted, scratch / "0"), layouts)
        return
    for folder in folders(brought):
        yield from _in_folder(folder, layouts)
        for number, name in enumerate(sorted(archives)):
            if (folder / name).is_file():
                yield from _in_folder(extract(folder / name, wanted, scratch / f"{number}-{folder.name}"), layouts)


def _in_folder(folder: Path, layouts: Sequence[Layout]) -> Iterator[tuple[Layout, dict[str, Path]]]:
    for layout in layouts:
        paths = {name: folder / name for name in layout.files}
        if all(path.is_file() for path in paths.values()):
            yield layout, paths


def folders(top: Path) -> Iterator[Path]:
    """``top`` and the folders below it, nearest first, without hidden ones and links."""
    level = [top]
    for _ in range(DEPTH + 1):
        yield from level
        below = []
        for folder in level:
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            below += [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
        level = below


def extract(archive: Path, wanted: Collection[str], into: Path) -> Path:
    """Take the ``wanted`` base names out of a tar archive into a new folder ``into``, which is returned."""
    into.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if not member.isfile() or name not in wanted:
                continue
            if member.size > LARGEST:
                raise tarfile.TarError(f"{member.name} claims {member.size:,} bytes")
            source = tar.extractfile(member)
            if source is not None:
                with source, (into / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    return into
