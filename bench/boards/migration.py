"""From a folder per entry to a few files for all: what lay in the old layout is moved, nothing of it is changed.

The files of the new layout are written beside the old ones, ``records.jsonl`` last; from then on the board is a new one.
Killed before, it is an old one still, and after, what is left of the old layout is removed by the next writer.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.boards import old_gallery, old_layout
from bench.boards.card import cards_text
from bench.boards.gallery import add_galleries
from bench.boards.gallery_record import GALLERY
from bench.boards.store import CARDS_FILE
from bench.evaluation.records.archive import record_text
from bench.evaluation.records.storage import RECORD_FILE
from bench.foundation.errors import BoardError, translate_os_error
from bench.foundation.files import atomic_write_bytes, atomic_write_text, make_folder, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.store import Board


def migrate(board: Board) -> bool:
    """Move the entries of an old board; whether it was one. The caller holds the lock, and renders the board afterwards.

    Raises a ``BenchError`` for a damaged entry; the board is then as it was.
    """
    if not board.is_old:
        _remove_old(board)
        return False
    entries = board.entries()
    if strays := sorted(old_layout.strays(board.folder)):
        raise BoardError(f"{board} holds {strays[0]}, which is no part of an entry.", "Remove it.")
    texts = {}
    for entry in entries:
        at = old_layout.entry_folder(board.folder, entry.name)
        text = (at / RECORD_FILE).read_text(encoding="utf-8")
        if sha256_bytes(record_text(text)) != entry.record_sha256:
            raise BoardError(f"{at / RECORD_FILE} is not laid out as an evaluation writes it.", "Restore it.")
        texts[str(entry.name)] = text, entry.record.rows
        for path in sorted((at / old_layout.CHALLENGES).glob("*.json")):
            make_folder(board.challenges_folder(entry.name))
            atomic_write_bytes(board.challenges_folder(entry.name) / path.name, path.read_bytes())
    atomic_write_text(board.folder / CARDS_FILE, cards_text({entry.name: entry.card for entry in entries}))
    add_galleries(board, {name: old_gallery.read(board.folder, name) for name in old_gallery.names(board.folder)})
    board.archive.add_texts(texts)  # last: from here on the board is a new one
    _remove_old(board)
    return True


def _remove_old(board: Board) -> None:
    """What a migration leaves: folders of entries that stand in ``records.jsonl``, and what killed writers left."""
    moved = set(board.archive.lines())
    for parent in (board.folder / old_layout.ENTRIES, board.folder / GALLERY):
        for folder in [path for path in parent.glob("*") if path.is_dir() and (path.name in moved or path.name[0] == ".")]:
            _remove(folder)
    left = board.folder / old_layout.ENTRIES
    if left.is_dir() and not any(left.iterdir()):
        _remove(left)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise translate_os_error(error, folder) from error
