"""What changed between two versions of a board, and what that did to its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.boards.ranking import ranks
from bench.foundation.errors import BoardError
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.naming import EntryName
    from bench.boards.store import Board


@dataclass(frozen=True)
class Change:
    """A field of the protocol, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Moved:
    """An entry on either board. before, after: what the board ranks by, of scores minus the shift; None if absent.

    Ranks: empty if unranked.
    """

    name: EntryName
    before: float | None
    after: float | None
    rank_before: str
    rank_after: str


def changes(first: Board, second: Board) -> list[Change]:
    """Every field in which the protocols differ, but for their dates and version numbers.

    Raises ``BoardError`` for two boards that are not versions of one.
    """
    if first.name != second.name:
        raise BoardError(f"{first} and {second} are different boards.", "Name two versions of one board.")
    ignored = {"version", "released"}
    before, after = (_flat(board.protocol().model_dump(mode="json", exclude=ignored)) for board in (first, second))
    return [
        Change(field, before.get(field, "(absent)"), after.get(field, "(absent)"))
        for field in dict.fromkeys((*before, *after))
        if before.get(field) != after.get(field)
    ]


def moves(first: Board, second: Board) -> list[Moved]:
    """Every entry of either board, with its accuracy and rank on both."""
    sides_by_name: dict[EntryName, dict[int, tuple[float, str]]] = {}
    for side, board in enumerate((first, second)):
        protocol, entries = board.protocol(), board.entries()
        order = ranks(entries, protocol)
        for entry in entries:
            value = float(board_rules(protocol.task).ranked_by(entry, protocol).mean())
            rank = str(order[entry.name]) if entry.name in order else ""
            sides_by_name.setdefault(entry.name, {})[side] = (value, rank)
    nothing = (None, "")
    return [
        Moved(name, sides.get(0, nothing)[0], sides.get(1, nothing)[0], sides.get(0, nothing)[1], sides.get(1, nothing)[1])
        for name, sides in sorted(sides_by_name.items())
    ]


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {key: text for name, part in value.items() for key, text in _flat(part, f"{prefix}{name}.").items()}
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return {key: text for number, part in enumerate(value, 1) for key, text in _flat(part, f"{prefix}{number}.").items()}
    return {prefix.removesuffix("."): ", ".join(map(str, value)) if isinstance(value, list) else str(value)}
