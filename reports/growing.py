"""A table that is on disk as far as it has got: its rows take minutes each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text, make_folder

Row = dict[str, object]


def write_growing(path: Path, rows: Iterable[Row], line: Callable[[Row], str]) -> None:
    """Write ``rows`` to the CSV file ``path``, anew after each. line: what stdout gets of a row."""
    make_folder(path.parent)
    written: list[Row] = []
    for row in rows:
        written.append(row)
        atomic_write_text(path, pd.DataFrame(written).to_csv(index=False))
        sys.stdout.write(f"{line(row)}\n")
        sys.stdout.flush()
