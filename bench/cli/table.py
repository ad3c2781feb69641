"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

WIDEST = 200
"""Columns of a table that goes into a file or a pipe."""


def show_table(rows: Sequence[Mapping[str, str]], *, title: str | None = None, right: Sequence[str] = ()) -> None:
    """Print rows under their keys. right: columns aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(rows[0] if rows else ()):
        side: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=side, overflow="fold", no_wrap=number == 0)  # names are there to be copied
    for row in rows:
        table.add_row(*row.values())
    console = Console(soft_wrap=False)
    if not console.is_terminal:  # nobody's screen ends there, and a name that is cut cannot be copied
        console = Console(soft_wrap=False, width=WIDEST)
    console.print(table)
