"""Moves entries from a folder each, as version 0.1 wrote them, into the few files of the present layout.

Nothing that an entry says is changed. The new files are written beside the old ones, ``records.jsonl`` last; an entry with
a line in it has been moved. If the process is killed before, the board is as it was; afterwards the next writer removes
what is left of the old layout. Entries of the old layout that a merge brings to a board of the new one are moved too.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.boards import old_gallery, old_layout
from bench.boards.card import cards_text
from bench.boards.gallery import add_galleries
from bench.boards.gallery_record import GALLERY
from bench.boards.store import CARDS_FILE, Entry
from bench.evaluation.records.archive import record_text
from bench.evaluation.records.storage import RECORD_FILE
from bench.foundation.errors import BoardError, translate_os_error
from bench.foundation.files import atomic_write_bytes, atomic_write_text, make_folder, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.store import Board


def migrate(board: Board) -> None:
    """Move the entries of an old layout, if there are any. The caller holds the lock, and renders the board afterwards.

    Raises a ``BenchError`` for a damaged entry or a file that belongs to none; the board is then as it was.
    """
    if (board.folder / old_layout.ENTRIES).is_dir():
        _move(board, set(board.archive.lines()))
        _remove_old(board)


def _move(board: Board, moved: set[str]) -> None:
    """Move all entries but those of the names ``moved``."""
    if strays := sorted(old_layout.strays(board.folder)):
        raise BoardError(f"{board} holds {strays[0]}, which is no part of an entry.", "Remove it.")
    names = [name for name in old_layout.names(board.folder) if str(name) not in moved]
    entries = [Entry(name, *old_layout.read(board.folder, name)) for name in names]
    galleries = {name: old_gallery.read(board.folder, name) for name in old_gallery.names(board.folder) if name in names}
    texts = {str(entry.name): (_text(board, entry), entry.record.rows) for entry in entries}
    if not entries:
        return
    for name in names:
        for path in sorted((old_layout.entry_folder(board.folder, name) / old_layout.CHALLENGES).glob("*.json")):
            make_folder(board.challenges_folder(name))
            atomic_write_bytes(board.challenges_folder(name) / path.name, path.read_bytes())
    cards = {name: card for name, card in board.cards().items() if str(name) in moved}
    cards |= {entry.name: entry.card for entry in entries}
    atomic_write_text(board.folder / CARDS_FILE, cards_text(cards))
    if galleries:
        add_galleries(board, galleries)
    board.archive.add_texts(texts)


def _text(board: Board, entry: Entry) -> str:
    """The text of a record, whose hash does not change when it is put on one line."""
    path = old_layout.entry_folder(board.folder, entry.name) / RECORD_FILE
    text = path.read_text(encoding="utf-8")
    if sha256_bytes(record_text(text)) != entry.record_sha256:
        raise BoardError(f"{path} is not laid out as an evaluation writes it.", "Restore it.")
    return text


def _remove_old(board: Board) -> None:
    """Remove the folders of entries that have been moved, and what killed writers left beside them."""
    moved = set(board.archive.lines())
    for parent in (board.folder / old_layout.ENTRIES, board.folder / GALLERY):
        for folder in [path for path in parent.glob("*") if path.is_dir() and (path.name in moved or path.name[0] == ".")]:
            _remove(folder)
    left = board.folder / old_layout.ENTRIES
    if not any(left.iterdir()):
        _remove(left)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise translate_os_error(error, folder) from error
