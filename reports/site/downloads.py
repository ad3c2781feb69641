"""The files of a board that its page offers, copied as they are, and its table as JSON."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.boards.protocol import PROTOCOL_FILE
from bench.boards.store import TABLE_FILE
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import ROWS_FILE
from reports.site.view import BoardView, EntryView

FOLDER, JSON_FILE = "files", "table.json"
COPIED = {
    TABLE_FILE: "the table, one line per entry",
    ROWS_FILE: "every sample of every entry (Parquet)",
    RECORDS_FILE: "the records: settings, results and verdicts (JSON lines)",
    PROTOCOL_FILE: "the frozen protocol",
}


@dataclass(frozen=True)
class Download:
    """A file below the page of the board."""

    path: str
    says: str
    size: str


def write_downloads(board: BoardView, folder: Path) -> list[Download]:
    """Write the files of a board below ``folder``; returns them. Links are not followed."""
    place = folder / FOLDER
    place.mkdir(parents=True)
    (place / JSON_FILE).write_text(table_json(board), encoding="utf-8")
    says = {JSON_FILE: "the table with protocol, cards and verdicts (JSON)"}
    for name, words in COPIED.items():
        source = board.folder / name if board.folder else None
        if source and source.is_file() and not source.is_symlink():
            shutil.copyfile(source, place / name)
            says[name] = words
    listed = sorted(says, key=[TABLE_FILE, JSON_FILE, *COPIED].index)
    return [Download(f"{FOLDER}/{name}", says[name], _size((place / name).stat().st_size)) for name in listed]


def table_json(board: BoardView) -> str:
    """Protocol and entries as JSON; figures are as in ``table.csv``: fractions, or decibels."""
    content = {
        "board": board.protocol.board,
        "version": board.protocol.version,
        "protocol_sha256": board.protocol_sha256,
        "superseded_by": None if board.latest else max(board.versions),
        "entries": [_entry(entry) for entry in board.entries],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _entry(entry: EntryView) -> dict[str, object]:
    ranks = {"rank": entry.overall, "rank_among_spiking": entry.rank if entry.facts.spiking else None}
    return {
        "name": entry.name,
        "title": entry.title,
        **{key: rank and {"rank": rank.rank, "low": rank.low, "high": rank.high} for key, rank in ranks.items()},
        "verdict": entry.record.reliability.status,
        "reasons": entry.record.reliability.reasons,
        "spiking": entry.facts.spiking,
        "network": entry.facts.network,
        "time_steps": entry.facts.steps,
        "defense_family": entry.facts.family,
        "values": entry.values,
        "card": entry.card.model_dump(mode="json"),
        "record_sha256": entry.record_sha256,
    }


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1000))} kB"
