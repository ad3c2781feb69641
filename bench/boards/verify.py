"""Is a board what it says? Every hash, every aggregate, every table, recomputed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.boards import old_layout
from bench.boards.checksums import odd_files, sums_problems
from bench.boards.entering import problems
from bench.boards.gallery import gallery_problems, read_galleries, unlisted_strips
from bench.boards.gallery_record import GALLERY
from bench.boards.render import changes_text, table_text
from bench.boards.store import CARDS_FILE, CHANGES_FILE, TABLE_FILE, Board, Entry
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.request.settings import Tick, Ticked
from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.boards.gallery_record import Gallery
    from bench.boards.naming import EntryName
    from bench.boards.protocol import Protocol

STALE = "is not what its entries give; bring it up to date with bench board render"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def verify(board: Board, *, on_tick: Ticked = lambda tick: None) -> list[Finding]:
    """Everything that is wrong with a board; nothing if it can be trusted as far as its evaluator can.

    on_tick: told of each entry that was looked at.
    """
    if odd := odd_files(board):
        return [Finding(f"{board}/{name}", "is not a plain file") for name in odd]
    try:
        return _verified(board, on_tick)
    except BenchError as error:
        return [Finding(str(board), str(error))]
    except OSError as error:
        return [Finding(str(board), f"{error.filename} cannot be read ({error.strerror})")]


def _verified(board: Board, on_tick: Ticked) -> list[Finding]:
    """Findings of a board whose files are plain. Raises ``BenchError`` if protocol or lists are damaged."""
    protocol = board.protocol()
    names, read = board.names(), board.reader()
    findings, entries = [], []
    galleries, wrong_galleries = _galleries(board, names)
    findings += wrong_galleries
    for done, name in enumerate(names, 1):
        try:
            entry = read(name)
        except BenchError as error:
            findings.append(Finding(f"{board}/{name}", str(error)))
        else:
            entries.append(entry)
            wrong = (*problems(board, protocol, entry.record), *_around(entry), *gallery_problems(board, entry, galleries))
            findings += [Finding(f"{board}/{name}", what) for what in wrong]
        on_tick(Tick(done, len(names), f"{board}/{name}", reused=False))
    if not findings:  # a table of damaged entries means nothing
        findings += _derived(board, protocol, entries)
    return [*findings, *_files(board, names)]


def _galleries(board: Board, names: list[EntryName]) -> tuple[dict[EntryName, Gallery], list[Finding]]:
    """The descriptions of the pictures, and findings about their list."""
    try:
        galleries = read_galleries(board)
        strays = [path.name for path in unlisted_strips(board)]
    except BenchError as error:
        return {}, [Finding(f"{board}/{GALLERY}", str(error))]
    findings = [Finding(f"{board}/{GALLERY}/{name}", "is not listed beside it") for name in strays]
    findings += [Finding(f"{board}/{GALLERY}", f"{name} is no entry") for name in sorted(set(galleries) - set(names))]
    return galleries, findings


def _around(entry: Entry) -> list[str]:
    """A card that is not of this model, and challenges that are not of this record."""
    wrong = [
        f"challenge {number} was scored against another record"
        for number, challenge in enumerate(entry.challenges, 1)
        if challenge.record_sha256 != entry.record_sha256
    ]
    behaviour = entry.record.model.fingerprint
    for field in ("name", "version"):
        if field in behaviour and behaviour[field] != getattr(entry.card, field):
            wrong.append(f"its card's {field} is not that of the model that was measured")
    return wrong


def _files(board: Board, names: list[EntryName]) -> Iterator[Finding]:
    """Files that do not belong, or changed, and what killed writers left in those that do."""
    if board.is_old:
        yield from (Finding(f"{board}/{name}", "is no part of an entry") for name in old_layout.strays(board.folder))
        return
    yield from (Finding(f"{board}/{name}", what) for name, what in sums_problems(board))
    yield from (Finding(f"{board}/{CARDS_FILE}", f"{name} is no entry") for name in sorted(set(board.cards()) - set(names)))
    try:
        yield from (Finding(f"{board}/{ROWS_FILE}", f"{name} is no entry") for name in board.archive.strays())
    except BenchError as error:
        yield Finding(f"{board}/{ROWS_FILE}", str(error))


def _derived(board: Board, protocol: Protocol, entries: list[Entry]) -> list[Finding]:
    findings = []
    if _text(board.folder / TABLE_FILE) != table_text(entries, protocol):
        findings.append(Finding(f"{board}/{TABLE_FILE}", STALE))
    changes = _text(board.folder / CHANGES_FILE)
    if not changes or changes_text(entries, protocol, board.protocol_sha256, changes) != changes:
        findings.append(Finding(f"{board}/{CHANGES_FILE}", STALE))
    if board.protocol_sha256[:16] not in changes:
        findings.append(Finding(f"{board}/{CHANGES_FILE}", "does not name the released protocol"))
    for entry in entries:
        records = re.findall(rf"`{re.escape(str(entry.name))}` entered \(record ([0-9a-f]+)\)", changes)
        if any(not entry.record_sha256.startswith(sha256) for sha256 in records):
            findings.append(Finding(f"{board}/{CHANGES_FILE}", f"{entry.name} entered with another record than it has"))
    return findings


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
