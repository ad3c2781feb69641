"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from bench.cli.terminal import say
from bench.foundation.escaping import one_line

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 200
"""Width in characters of a table that goes into a file or a pipe."""
TIGHTER = ((1, 80), (0, 80), (0, 14))
"""(space around a column, longest word that is not broken), tried in order until a table fits."""


def show_table(rows: Sequence[Mapping[str, str]], *, title: str | None = None, right: Sequence[str] = ()) -> None:
    """Print rows under their keys. right: columns aligned to the right."""
    from rich.console import Console

    console = Console(soft_wrap=False)
    if not console.is_terminal:  # a file has no screen width, and names must stay whole to be copied
        console = Console(soft_wrap=False, width=WIDEST)
    table = table_of(rows, console.width, title=title, right=right)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as printed:
        console.print(table)
    say(printed.get().removesuffix("\n"))  # a wrapped line may begin with what a log would take for a command


def table_of(rows: Sequence[Mapping[str, str]], room: int, *, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """The table for a terminal of ``room`` characters: lines break between words where possible.

    Cells are shown as they are, without markup, emoji names and control characters.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = list(rows[0]) if rows else []
    cells = [[one_line(cell, len(cell)) for cell in line] for line in (names, *(row.values() for row in rows))]
    padding, widths = fitted(list(zip(*cells, strict=True)), room)
    heading = None if title is None else Text(title)
    table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, padding))
    table.show_edge = padding > 0
    for number, (column, header, width) in enumerate(zip(names, cells[0], widths, strict=True)):
        side: Literal["left", "right"] = "right" if column in right else "left"
        # Names, in the first column, stay whole so that they can be copied.
        table.add_column(Text(header), justify=side, overflow="fold", no_wrap=number == 0, width=width)
    for line in cells[1:]:
        table.add_row(*map(Text, line))
    return table


def fitted(columns: Sequence[Sequence[str]], room: int) -> tuple[int, Sequence[int | None]]:
    """Space around each column, and the widths: those of the contents, unless their sum exceeds ``room``.

    In that case the widest columns shrink, down to their longest word, except for the first column. None: no fixed width.
    """
    for padding, longest in TIGHTER:
        widths = [max(1, *map(len, cells)) for cells in columns]
        words = [max((len(word) for cell in cells for word in cell.split()), default=0) for cells in columns]
        least = [*widths[:1], *(min(word, longest) for word in words[1:])]
        # Between two columns lie the padding of both and a line of the box; the edges have a line only where there is room.
        excess = sum(widths) + (2 * padding + 1) * (len(columns) - 1) + (2 if padding else 0) - room
        while excess > 0 and any(width > low for width, low in zip(widths, least, strict=True)):
            widest = max(range(len(widths)), key=lambda i: widths[i] if widths[i] > least[i] else -1)
            widths[widest] -= 1
            excess -= 1
        if excess <= 0:
            return padding, widths
    return 0, [None] * len(columns)
