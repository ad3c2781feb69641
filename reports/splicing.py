"""Pages whose tables are written by a command: each table stands between two comments, and only it is replaced."""

from __future__ import annotations

from collections.abc import Mapping

from bench.foundation.errors import RecordError


def spliced(text: str, tables: Mapping[str, str], *, command: str, page: str) -> str:
    """The page's text with each table between its markers replaced. command: the one that the markers name.

    Raises ``RecordError`` if a marker is missing.
    """
    for name, table in tables.items():
        start, end = f"<!-- table {name}: {command} -->", f"<!-- end of table {name} -->"
        before, start_there, rest = text.partition(start)
        _, end_there, after = rest.partition(end)
        if not start_there or not end_there:
            raise RecordError(f"{page} has lost the markers of the table {name!r}.", f"Put {start} and {end} back.")
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text
