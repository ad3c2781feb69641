"""A board's table as Markdown, from its ``table.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from bench.boards.render import table_text
from bench.boards.store import Board
from bench.foundation.escaping import for_markdown
from reports.presentations.presentation import Row, TableColumn, presentation_of


def board_table(board: Board) -> str:
    """One line per current entry, best first; unreliable entries come last, without a rank. Defenses are left out where no
    entry has one.

    Raises ``BenchError`` if the board is damaged.
    """
    protocol = board.protocol()
    rows = [row for row in csv.DictReader(io.StringIO(table_text(board.entries(), protocol))) if row["status"] == "current"]
    about = _ABOUT if any(row["defense"] not in ("", "none") for row in rows) else _ABOUT[:-1]
    columns = [*about, *presentation_of(protocol.task).table(protocol)]
    lines = [_line([name for name, _ in columns]), "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(_line([text(row) for _, text in columns]) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rank(row: Row) -> str:
    if not row["rank"]:
        return row["verdict"]
    return row["rank"] if row["rank_low"] == row["rank_high"] else f"{row['rank']} [{row['rank_low']}-{row['rank_high']}]"


_ABOUT: list[TableColumn] = [
    ("rank", _rank),
    ("model", lambda row: f"`zoo:{row['model']}`"),
    ("defense", lambda row: for_markdown(row["defense"].replace("_", " "))),
]
