"""Boards on disk out of the records that the repository keeps: real numbers, written in milliseconds, not evaluated."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.boards.card import EntryCard, cards_text
from bench.boards.naming import EntryName
from bench.boards.protocol import Protocol
from bench.boards.ranking import Rank
from bench.boards.store import Board
from bench.evaluation.records.archive import Archive
from bench.foundation.files import sha256_bytes
from bench.tasks.record import Record
from reports.site.view import BoardView

RECORDS = Path(__file__).parents[2] / "leaderboards" / "readme" / "models"
DAY = "2026-01-02"


def kept_records() -> list[Record]:
    """The records that share samples, attack and radii with the first."""
    archive = Archive(RECORDS)
    records = [archive.record_of(line) for line in archive.lines().values()]
    return [record for record in records if _asked(record) == _asked(records[0])]


def _asked(record: Record) -> tuple[object, ...]:
    return record.data.sha256, [attack.spec for attack in record.attacks], [cell.eps_text for cell in record.results]


def protocol(record: Record, version: int = 1, **changed: Any) -> Protocol:
    """What the record was asked, as a protocol."""
    eps = list(dict.fromkeys(cell.eps_text for cell in record.results))
    stages = [{"name": "", "attack": "PGD(steps=20)", "path": "training"}]
    fields = {
        "board": "snn-sample-linf",
        "version": version,
        "title": "Sample board",
        "summary": "Made from the records that the README shows.",
        "data": record.data.model_dump(),
        "eps": eps,
        "rank_by": "8/255" if "8/255" in eps else eps[-1],
        "attacks": [
            {"spec": one.spec, "name": one.name, "parameters": {}, "spiking": stages, "smooth": stages, "coded": stages}
            for one in record.attacks
        ],
        "path_parameters": {},
        "draws": 10,
        "evaluator_version": record.evaluator_version,
        "released": datetime.date.fromisoformat(DAY),
    }
    return Protocol.model_validate(fields | changed)


def board(root: Path, version: int = 1, *, records: list[Record] | None = None, card: dict[str, Any] | None = None) -> Board:
    """A board of the kept records, one entry each. card: what its cards say beside the required."""
    records = records or kept_records()
    frozen = protocol(records[0], version)
    made = Board(frozen.board, version, root / frozen.board / f"v{version}")
    entries = {EntryName(record.model.ref.removeprefix("zoo:"), 1): record for record in records}
    made.archive.add({str(name): record for name, record in entries.items()})
    cards = {
        name: EntryCard.model_validate(
            {
                "name": name.model,
                "version": 1,
                "kind": "zoo",
                "submitted": DAY,
                "defense": name.model.partition("_")[2],
                **(card or {}),
            }
        )
        for name in entries
    }
    (made.folder / "cards.yaml").write_text(cards_text(cards))
    text = frozen.text()
    (made.folder / "protocol.yaml").write_text(text)
    (made.folder / "protocol.sha256").write_text(f"{sha256_bytes(text.encode())}  protocol.yaml\n")
    return made


def many(seen: BoardView, count: int) -> BoardView:
    """The board with ``count`` entries; ``model_7`` has rank 8."""
    entries = []
    for number in range(count):
        like = seen.entries[number % len(seen.entries)]
        card = like.card.model_copy(update={"name": f"model_{number}", "defense": f"defense {number % 7}"})
        key = next(column.key for column in seen.columns if column.main)
        values = like.values | {key: 0.9 - 0.8 * number / count}
        entries.append(
            replace(
                like,
                name=f"model_{number}@1",
                card=card,
                values=values,
                rank=Rank(number + 1, max(1, number), number + 3),
                facts=replace(like.facts, title="", family=card.defense),
                reference=False,
            )
        )
    return replace(seen, entries=entries)
