"""Is a board what it says? Every hash, every aggregate, every table, recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.boards.entering import problems
from bench.boards.gallery import gallery_problems
from bench.boards.render import changes_text, table_text
from bench.boards.store import CARD_FILE, CHALLENGES, CHANGES_FILE, TABLE_FILE, Board, Entry
from bench.evaluation.records.storage import RECORD_FILE, ROWS_FILE
from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.protocol import Protocol

STALE = "is not what its entries give; bring it up to date with bench board render"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def verify(board: Board) -> list[Finding]:
    """Everything that is wrong with a board; nothing if it can be trusted as far as its evaluator can."""
    try:
        protocol = board.protocol()
        names = board.names()
    except BenchError as error:
        return [Finding(str(board), str(error))]
    found, entries = [], []
    for name in names:
        try:
            entry = board.entry(name)
        except BenchError as error:
            found.append(Finding(f"{board}/{name}", str(error)))
            continue
        entries.append(entry)
        found += [Finding(f"{board}/{name}", what) for what in (*problems(board, protocol, entry.record), *_around(entry))]
        found += [Finding(f"{board}/{name}", what) for what in gallery_problems(board, entry)]
    if not found:  # a table of damaged entries means nothing
        found += _derived(board, protocol, entries)
    return found


def _around(entry: Entry) -> list[str]:
    """Files that do not belong, and challenges that are not of this record."""
    known = {RECORD_FILE, ROWS_FILE, CARD_FILE, CHALLENGES}
    found = [f"holds {path.name}, which is no part of an entry" for path in entry.folder.iterdir() if path.name not in known]
    found += [
        f"challenge {number} was scored against another record"
        for number, challenge in enumerate(entry.challenges, 1)
        if challenge.record_sha256 != entry.record_sha256
    ]
    behaviour = entry.record.model.fingerprint
    for field in ("name", "version"):
        if field in behaviour and behaviour[field] != getattr(entry.card, field):
            found.append(f"its card's {field} is not that of the model that was measured")
    return found


def _derived(board: Board, protocol: Protocol, entries: list[Entry]) -> list[Finding]:
    found = []
    if _text(board.folder / TABLE_FILE) != table_text(entries, protocol):
        found.append(Finding(f"{board}/{TABLE_FILE}", STALE))
    changes = _text(board.folder / CHANGES_FILE)
    if not changes or changes_text(entries, protocol, board.protocol_sha256, changes) != changes:
        found.append(Finding(f"{board}/{CHANGES_FILE}", STALE))
    if board.protocol_sha256[:16] not in changes:
        found.append(Finding(f"{board}/{CHANGES_FILE}", "does not name the released protocol"))
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
