"""A board's table as Markdown, from its ``table.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from bench.boards.protocol import Protocol
from bench.boards.render import table_text
from bench.boards.store import Board

Row = Mapping[str, str]
Column = tuple[str, Callable[[Row], str]]


def board_table(board: Board) -> str:
    """One line per current entry, best first; what is unreliable comes last, without a rank.

    Raises ``BenchError`` if the board is damaged.
    """
    protocol = board.protocol()
    rows = [row for row in csv.DictReader(io.StringIO(table_text(board.entries(), protocol))) if row["status"] == "current"]
    columns = [*_ABOUT, *(_shifts if protocol.task == "quality" else _accuracies)(protocol)]
    lines = [_line([name for name, _ in columns]), "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(_line([shown(row) for _, shown in columns]) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rank(row: Row) -> str:
    if not row["rank"]:
        return row["verdict"]
    return row["rank"] if row["rank_low"] == row["rank_high"] else f"{row['rank']} [{row['rank_low']}-{row['rank_high']}]"


_ABOUT: list[Column] = [
    ("rank", _rank),
    ("model", lambda row: f"`zoo:{row['model']}`"),
    ("defense", lambda row: row["defense"].replace("_", " ")),
]


def _percent(key: str) -> Callable[[Row], str]:
    return lambda row: f"{100 * float(row[key]):.1f}"


def _between(value: str, low: str, high: str, scale: float, form: str) -> Callable[[Row], str]:
    def shown(row: Row) -> str:
        middle, bottom, top = (f"{scale * float(row[key]):z{form}}" for key in (value, low, high))
        return f"{middle} [{bottom}, {top}]"

    return shown


def _accuracies(protocol: Protocol) -> list[Column]:
    found: list[Column] = [("clean", _percent("clean"))]
    for eps in protocol.eps:
        found.append((f"noise {eps}", _percent(f"noise@{eps}")))
        robust = _between(f"robust@{eps}", f"robust_low@{eps}", f"robust_high@{eps}", 100, ".1f")
        found.append((f"attacked {eps}", robust))
    return found


def _shifts(protocol: Protocol) -> list[Column]:
    found: list[Column] = [("SRCC", _between("srcc", "srcc_low", "srcc_high", 1, ".2f"))]
    for eps in protocol.eps:
        found.append((f"noise {eps}", lambda row, e=eps: f"{float(row[f'noise@{e}']):.3f}"))  # type: ignore[misc]
        found.append((f"attacked {eps}", _between(f"shift@{eps}", f"shift_low@{eps}", f"shift_high@{eps}", 1, ".3f")))
    return found
