"""A table that is on disk as far as it has got: its rows take minutes each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text, make_folder

Row = dict[str, object]


def rows_of_others(path: Path, asked: Iterable[tuple[str, ...]], of: tuple[str, ...] = ("model", "eps")) -> list[Row]:
    """Rows of the table ``path`` on others than are asked for: they stay when these are measured anew.

    asked: what the columns ``of`` hold in rows that do not stay. Empty if there is no table.
    """
    if not path.exists():
        return []
    anew, table = set(asked), pd.read_csv(path).to_dict("records")
    return [
        {str(name): value for name, value in row.items()} for row in table if tuple(row[column] for column in of) not in anew
    ]


def write_growing(path: Path, rows: Iterable[Row], line: Callable[[Row], str], before: Sequence[Row] = ()) -> None:
    """Write ``rows`` to the CSV file ``path``, anew after each.

    line: what stdout gets of a row. before: rows that come first.
    """
    make_folder(path.parent)
    written = list(before)
    for row in rows:
        written.append(row)
        atomic_write_text(path, pd.DataFrame(written).to_csv(index=False))
        sys.stdout.write(f"{line(row)}\n")
        sys.stdout.flush()
