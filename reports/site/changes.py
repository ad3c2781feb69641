"""What a version of a board changed: its protocol, and where every model stands now."""

from __future__ import annotations

from dataclasses import dataclass

from bench.boards.protocol import Protocol
from reports.presentations.presentation import presentation_of
from reports.site.figures import measured
from reports.site.view import BoardView, EntryView


@dataclass(frozen=True)
class Move:
    """A model on two versions of a board. title: what a reader calls it; before, after: the figure that orders the board,
    empty where it has no entry; change: after minus before, 0 without both; words: verdicts, or that it is new or gone.
    """

    name: str
    title: str
    before: str
    after: str
    change: float
    words: str


@dataclass(frozen=True)
class Changes:
    """radii: those of the two figures. protocol: what was asked otherwise, in sentences. moves: largest change first."""

    before: int
    after: int
    radii: tuple[str, str]
    protocol: list[str]
    moves: list[Move]


def changes(before: BoardView, after: BoardView) -> Changes:
    """The changes from one version of a board to a later one."""
    old, new = ({entry.name: entry for entry in board.entries} for board in (before, after))
    moves = [_move(name, old.get(name), new.get(name), before, after) for name in sorted({*old, *new})]
    return Changes(
        before=before.protocol.version,
        after=after.protocol.version,
        radii=(before.protocol.rank_by, after.protocol.rank_by),
        protocol=differences(before.protocol, after.protocol),
        moves=sorted(moves, key=lambda move: (-abs(move.change), move.name)),
    )


def differences(before: Protocol, after: Protocol) -> list[str]:
    """What the later protocol asks otherwise, a line each."""
    facts = [
        ("samples", *(f"{p.data.n:,} of {p.data.name} ({p.data.split})" for p in (before, after))),
        ("radii", *(", ".join(p.eps) for p in (before, after))),
        ("radius that orders the table", before.rank_by, after.rank_by),
        ("ordered by", *(presentation_of(p.task).words(p).ordered_by for p in (before, after))),
        ("attacks", *(", ".join(p.specs) for p in (before, after))),
        ("draws of stochastic models", str(before.draws), str(after.draws)),
        ("seed", str(before.seed), str(after.seed)),
        ("version of the evaluator", str(before.evaluator_version), str(after.evaluator_version)),
    ]
    sentences = [f"{name}: {then}, now {now}" for name, then, now in facts if then != now]
    old, new = ({a.spec: [stage.name for stage in a.spiking] for a in p.attacks} for p in (before, after))
    for spec in old.keys() & new.keys():
        added = [stage for stage in new[spec] if stage not in old[spec]]
        gone = [stage for stage in old[spec] if stage not in new[spec]]
        if added:
            sentences.append(f"new stages of {spec} on spiking models: {'; '.join(added)}")
        if gone:
            sentences.append(f"stages of {spec} on spiking models that are gone: {'; '.join(gone)}")
    return sentences


def _move(name: str, old: EntryView | None, new: EntryView | None, before: BoardView, after: BoardView) -> Move:
    first, second = figure(old, before), figure(new, after)
    return Move(
        name,
        new.title if new else old.title if old else name,
        _written(first, before),
        _written(second, after),
        second - first if first is not None and second is not None else 0.0,
        _words(old, new),
    )


def _written(value: float | None, board: BoardView) -> str:
    return "" if value is None or board.main is None else measured(value, board.main.kind)


def figure(entry: EntryView | None, board: BoardView) -> float | None:
    """The figure of an entry that orders its board; None without one."""
    value = entry.values.get(board.main.key) if entry and board.main else None
    return value if isinstance(value, float) else None


def _words(old: EntryView | None, new: EntryView | None) -> str:
    if old is None or new is None:
        return "new" if old is None else "no entry"
    return new.verdict if old.verdict == new.verdict else f"{old.verdict}, now {new.verdict}"
