"""A table that is on disk as far as it has got: its rows take minutes each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text, make_folder

Row = dict[str, object]


def write_growing(path: Path, rows: Iterable[Row], told: Callable[[Row], str]) -> None:
    """Write ``rows`` to the CSV file ``path``, anew after each. told: the line that stdout gets of a row."""
    make_folder(path.parent)
    found: list[Row] = []
    for row in rows:
        found.append(row)
        atomic_write_text(path, pd.DataFrame(found).to_csv(index=False))
        sys.stdout.write(f"{told(row)}\n")
        sys.stdout.flush()
