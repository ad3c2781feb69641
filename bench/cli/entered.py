"""An entry as commands that evaluate a model and enter it print it with ``--json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry


def entry_fields(board: Board, entry: Entry) -> dict[str, Any]:
    """The board, the name of the entry, its verdict with the reasons, and its row of the table as ``board show`` has it."""
    from bench.boards.render import read_table

    named = (entry.name.model, str(entry.name.version))
    return {
        "board": str(board),
        "entry": str(entry.name),
        "verdict": entry.record.reliability.status,
        "reasons": list(entry.record.reliability.reasons),
        "row": next(row for row in read_table(board) if (row["model"], row["version"]) == named),
    }
