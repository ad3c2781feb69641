"""How many of the images that one run of an attack set leaves fall to another one of about the same length.

    python -m reports.second_runs

Searches that go on where an attack set has ended find less than all of its stages that go other ways. The newest version
of the board is compared with the version before it, whose searches among corners are fewer, and with runs of the same
attack set on another machine, whose roundings lead walks elsewhere after a few steps (``leaderboards/stages/again``).
Beside it stands what the record of the first search expects of one three times as long. Writes
``leaderboards/stages/second_runs.csv``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bench.boards.store import Board, open_board, versions
from bench.evaluation.records.archive import Archive
from bench.foundation.files import atomic_write_text
from bench.tasks.classification.board import standing, strongest
from bench.tasks.record import Record
from reports.exit_status import end_with

BOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
BOARD = "snn-cifar10-linf"
TABLE, AGAIN = BOARDS / "stages" / "second_runs.csv", BOARDS / "stages" / "again"

Row = dict[str, object]


def of_board(board: Board) -> dict[str, Record]:
    """Records by the model that they are of."""
    return {entry.record.model.ref: entry.record for entry in board.entries()}


def kept(folder: Path) -> dict[str, Record]:
    """The records of the archive ``folder`` by the model that they are of."""
    archive = Archive(folder)
    return {record.model.ref: record for record in map(archive.record_of, archive.lines().values())}


def compared(first: Record, second: Record, eps: str) -> Row:
    """Numbers of images at one radius: right ones, those that stand after either search and after both, and how many the
    first record expects to fall to a search three times as long.
    """
    after_first, after_second = (standing(record, eps) > 0 for record in (first, second))
    cell = strongest(first, eps)
    return {
        "model": first.model.ref.removeprefix("zoo:"),
        "first": cell.attack,
        "second": strongest(second, eps).attack,
        "right": round(cell.clean.value * cell.clean.n),
        "first leaves": int(after_first.sum()),
        "second leaves": int(after_second.sum()),
        "both leave": int((after_first & after_second).sum()),
        "expected to fall": round(cell.further * cell.robust.n),
    }


def rows() -> Iterator[Row]:
    """All comparisons at the radius that orders the board: with the same set first, by model."""
    *_, before, newest = (open_board(f"{BOARD}/v{version}", BOARDS) for version in versions(BOARDS, BOARD))
    firsts, eps = of_board(newest), newest.protocol().rank_by
    for seconds in (kept(AGAIN), of_board(before)):
        for model in sorted(firsts.keys() & seconds.keys()):
            yield compared(firsts[model], seconds[model], eps)


def main() -> int:
    """Write the table and print it."""
    table = pd.DataFrame(rows())
    atomic_write_text(TABLE, table.to_csv(index=False))
    sys.stdout.write(f"{table.to_string(index=False)}\n")
    return 0


if __name__ == "__main__":
    end_with(main)
