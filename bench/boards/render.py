"""What is derived from entries: ``table.csv`` and the list of entries in ``CHANGELOG.md``."""

from __future__ import annotations

import csv
import io
import shutil
from typing import TYPE_CHECKING

from bench.boards.card import KINDS
from bench.boards.ranking import is_current, ranks
from bench.boards.store import CHANGES_FILE, TABLE_FILE
from bench.boards.text import cell
from bench.foundation.files import atomic_write_text
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Board, Entry


def table_rows(entries: list[Entry], protocol: Protocol) -> list[dict[str, str]]:
    """One row per entry: ranked ones first, then unreliable ones, then superseded ones."""
    order = ranks(entries, protocol)
    names = [entry.name for entry in entries]

    def position(entry: Entry) -> tuple[int, int, str]:
        ranked = order.get(entry.name)
        return (0 if ranked else 1 if is_current(entry.name, names) else 2, ranked.rank if ranked else 0, str(entry.name))

    rows = []
    for entry in sorted(entries, key=position):
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
            **board_rules(protocol.task).columns(entry, protocol),
            "defense": entry.card.defense,
            "summary": entry.card.summary,
            "paper": entry.card.paper.title,
            "url": entry.card.paper.url,
            "licence": entry.card.licence,
            "submitted": entry.card.submitted.isoformat(),
            "record_sha256": entry.record_sha256,
        }
        rows.append({key: f"{value:.6f}" if isinstance(value, float) else cell(value) for key, value in row.items()})
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
    before = changes.read_text(encoding="utf-8") if changes.exists() else ""
    for path, text in (
        (changes, changes_text(entries, protocol, board.protocol_sha256, before)),
        (board.folder / TABLE_FILE, table_text(entries, protocol)),
    ):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            atomic_write_text(path, text)


def sweep(board: Board) -> None:
    """Remove what killed writers left. The caller holds the lock, so nobody is at work on it."""
    for path in [
        *board.folder.glob(".*.tmp"),
        *board.folder.glob("entries/.*"),
        *board.folder.glob("entries/*/.*.tmp"),
        *board.folder.glob("gallery/.*"),
    ]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in board.folder.glob("entries/*/challenges/.*.tmp"):
        path.unlink(missing_ok=True)
