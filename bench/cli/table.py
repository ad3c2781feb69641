"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def show_table(rows: Sequence[Mapping[str, str]], *, title: str | None = None, right: Sequence[str] = ()) -> None:
    """Print rows under their keys. right: columns aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in rows[0] if rows else ():
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console(soft_wrap=False).print(table)
