"""``gallery/`` of a board: a few of the scored images of each entry, to look at.

``MODEL@VERSION.webp`` is the strip of an entry (:mod:`bench.boards.strip`); ``gallery.jsonl`` has a line for each strip.
Pictures are no part of an entry: they may be drawn again, and prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bench.boards import old_gallery
from bench.boards.gallery_record import GALLERY, LIST_FILE, Gallery
from bench.boards.naming import EntryName
from bench.boards.strip import Tile, decoded, encoded
from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_bytes, atomic_write_text, make_folder, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.store import Board, Entry


def gallery_folder(board: Board) -> Path:
    """Where the strips of a board and their list lie, if there are any."""
    return board.folder / GALLERY


def strip_path(board: Board, name: EntryName) -> Path:
    """Where the strip of an entry lies, if it has one."""
    return gallery_folder(board) / f"{name}.webp"


def read_galleries(board: Board) -> dict[EntryName, Gallery]:
    """The descriptions of all strips of a board, by entry. Raises ``BoardError`` if the list is damaged."""
    if board.is_old:
        return {name: old_gallery.read(board.folder, name)[0] for name in old_gallery.names(board.folder)}
    path = gallery_folder(board) / LIST_FILE
    if not path.is_file():
        return {}
    try:
        lines = [Gallery.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BoardError(f"{path} is not a readable list of galleries.", f"Restore it, or remove {path.parent}.") from error
    return {EntryName.parse(line.name): line for line in lines}


def read_tiles(board: Board, gallery: Gallery) -> list[Tile]:
    """The images of a gallery. Raises ``BoardError`` if they are not there or not what is listed."""
    name = EntryName.parse(gallery.name)
    if board.is_old:
        return old_gallery.read(board.folder, name)[1]
    path = strip_path(board, name)
    if not path.is_file() or path.is_symlink() or sha256_file(path) != gallery.sha256:
        raise BoardError(f"{GALLERY}/{path.name} is not the file that is listed.", "Restore it.")
    return decoded(path.read_bytes(), len(gallery.images), gallery.step)


def add_galleries(board: Board, galleries: Mapping[EntryName, tuple[Gallery, list[Tile]]]) -> None:
    """Write the strips of some entries, then the list that names them. The caller holds the lock."""
    listed = read_galleries(board)
    make_folder(gallery_folder(board))
    for name, (gallery, tiles) in galleries.items():
        content = encoded(tiles, gallery.step)
        atomic_write_bytes(strip_path(board, name), content)
        listed[name] = gallery.model_copy(update={"sha256": sha256_bytes(content)})
    lines = [f"{_line(gallery)}\n" for _, gallery in sorted(listed.items())]
    atomic_write_text(gallery_folder(board) / LIST_FILE, "".join(lines))


def _line(gallery: Gallery) -> str:
    """The line of a strip; those of pictures are as they were before there were recordings and cameras."""
    unset = {name for name in ("frames", "ticks") if not getattr(gallery, name)}
    return gallery.model_dump_json(by_alias=True, exclude=unset)


def unlisted_strips(board: Board) -> list[Path]:
    """Strips that the list does not name, left by killed writers."""
    listed = {strip_path(board, name) for name in read_galleries(board)}
    return [] if board.is_old else sorted(set(gallery_folder(board).glob("*.webp")) - listed)


def gallery_problems(board: Board, entry: Entry, galleries: Mapping[EntryName, Gallery]) -> Iterator[str]:
    """What is wrong with the pictures of an entry; nothing if it has none."""
    gallery = galleries.get(entry.name)
    if gallery is None:
        return
    if gallery.record_sha256 != entry.record_sha256:
        yield "its gallery is of another record"
    try:
        read_tiles(board, gallery)
    except BoardError as error:
        yield str(error)
