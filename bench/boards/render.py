"""What is derived from entries: ``table.csv``, the list of entries in ``CHANGELOG.md``, and the hashes of all files."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from bench.boards.card import KINDS, cards_text
from bench.boards.checksums import refuse_lost_words, write_sums
from bench.boards.gallery import unlisted_strips
from bench.boards.migration import migrate
from bench.boards.ranking import best_first, is_current, ranks
from bench.boards.store import CARDS_FILE, CHANGES_FILE, TABLE_FILE
from bench.evaluation.records.archive import RECORDS_FILE
from bench.foundation.errors import BoardError
from bench.foundation.escaping import for_csv
from bench.foundation.files import atomic_write_text
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Board, Entry


def table_rows(entries: list[Entry], protocol: Protocol) -> list[dict[str, str]]:
    """One row per entry, the best first."""
    order, rules = ranks(entries, protocol), board_rules(protocol.task)
    names, rows = [entry.name for entry in entries], []
    for entry in best_first(entries, order, protocol):
        rank, record = order.get(entry.name), entry.record
        row: dict[str, float | str] = {
            "rank": str(rank.rank) if rank else "",
            "rank_low": str(rank.low) if rank else "",
            "rank_high": str(rank.high) if rank else "",
            "model": entry.name.model,
            "version": str(entry.name.version),
            "class": KINDS[entry.card.kind],
            "verdict": record.reliability.status,
            "status": "current" if is_current(entry.name, names) else "superseded",
            "n": str(record.data.n),
            **rules.columns(entry, protocol),
            "defense": entry.card.defense,
            "summary": entry.card.summary,
            "paper": entry.card.paper.title,
            "url": entry.card.paper.url,
            "licence": entry.card.licence,
            "submitted": entry.card.submitted.isoformat(),
            "record_sha256": entry.record_sha256,
        }
        rows.append({key: f"{value:.6f}" if isinstance(value, float) else for_csv(value) for key, value in row.items()})
    return rows


def table_text(entries: list[Entry], protocol: Protocol) -> str:
    """The content of ``table.csv``; empty without entries."""
    rows = table_rows(entries, protocol)
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def read_table(board: Board) -> list[dict[str, str]]:
    """The rows of ``table.csv`` as they are; none without a file."""
    path = board.folder / TABLE_FILE
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []


def change_lines(entry: Entry) -> list[str]:
    """What the change log says of an entry and of the challenges to it; the hash ties the line to the record."""
    short = entry.record_sha256[:16]
    lines = [f"- {entry.card.submitted}: `{entry.name}` entered (record {short})"]
    lines += [
        f"- {challenge.date}: `{entry.name}` challenged at {challenge.eps} (images {challenge.images_sha256[:16]})"
        for challenge in entry.challenges
    ]
    return lines


def changes_text(entries: list[Entry], protocol: Protocol, sha256: str, before: str) -> str:
    """The change log ``before`` with what it lacks appended; nothing that it says is ever removed."""
    text = before or (
        f"# {protocol.board} v{protocol.version}\n\n{protocol.title}\n\n"
        f"- {protocol.released}: released (protocol {sha256[:16]})\n"
    )
    known = set(text.splitlines())
    dated = sorted(line for entry in entries for line in change_lines(entry))
    return text + "".join(f"{line}\n" for line in dated if line not in known)


def render(board: Board) -> None:
    """Bring the derived files up to date. The caller holds the lock."""
    sweep(board)
    protocol, entries = board.protocol(), board.entries()
    changes = board.folder / CHANGES_FILE
    try:
        before = changes.read_text(encoding="utf-8") if changes.exists() else ""
    except UnicodeDecodeError as error:
        raise BoardError(f"{changes} is not text.", "Restore it.") from error
    for path, text in (
        (changes, changes_text(entries, protocol, board.protocol_sha256, before)),
        (board.folder / TABLE_FILE, table_text(entries, protocol)),
    ):
        if not path.exists() or path.read_bytes() != text.encode():
            atomic_write_text(path, text)
    write_sums(board)


def sweep(board: Board) -> None:
    """Migrate an old board, and remove what killed writers left. The caller holds the lock, so nobody is at work on it.

    Raises ``BoardError`` if an entry has lost its record or its card, or if a challenge or the change log has lost words.
    """
    migrate(board)
    refuse_lost_words(board)
    _refuse_lost_records(board)
    board.archive.tidy()
    left = [path for pattern in (".*.tmp", "gallery/.*", "challenges/*/.*.tmp") for path in board.folder.glob(pattern)]
    for path in (*left, *unlisted_strips(board)):
        path.unlink(missing_ok=True)
    names, cards = board.names(), board.cards()
    for name in names:
        if name not in cards:
            raise BoardError(f"{name} has no card in {board.folder / CARDS_FILE}.", "Restore it.")
    if set(names) < set(cards):
        path = board.folder / CARDS_FILE
        atomic_write_text(path, cards_text({name: card for name, card in cards.items() if name in names}))
        if not names:
            path.unlink()


def _refuse_lost_records(board: Board) -> None:
    """Rows and cards without a record were left by a killed writer, unless the change log names the entry."""
    changes = board.folder / CHANGES_FILE
    text = changes.read_text(encoding="utf-8", errors="replace") if changes.is_file() else ""
    names = {str(name) for name in board.names()}
    for name in sorted({*board.archive.strays(), *map(str, board.cards())} - names):
        if f"`{name}` entered" in text:
            raise BoardError(f"{name} has entered {board} and has no record in {RECORDS_FILE}.", "Restore the file.")
