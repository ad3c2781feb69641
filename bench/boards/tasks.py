"""What differs between kinds of boards: how a record is checked, what orders the table, what it shows."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from bench.foundation.errors import BoardError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.boards.protocol import Protocol as Frozen
    from bench.boards.store import Entry
    from bench.evaluation.records.record import Record
    from bench.metrics.statistics import Floats

TASKS = {"classification": "bench.tasks.classification.board", "quality": "bench.tasks.quality.board"}
"""Task to module."""


class Rules(Protocol):
    """What such a module offers."""

    def problems(self, record: Record, protocol: Frozen) -> Iterator[str]:
        """Whatever is wrong with a record under a protocol, in words."""
        ...

    def ranked_by(self, entry: Entry, protocol: Frozen) -> Floats:
        """Independent values (n,), one per sample or group of samples, whose mean orders the table, higher first."""
        ...

    def best_known(self, entry: Entry, eps: str) -> Floats:
        """Per-sample values (n,) under the protocol's attacks and all challenges at a radius: rates or shifts."""
        ...

    def columns(self, entry: Entry, protocol: Frozen) -> dict[str, float | str]:
        """The measured part of a table row."""
        ...


def rules(task: str) -> Rules:
    """The rules of a task. Raises ``BoardError`` if there can be no boards of it."""
    if task not in TASKS:
        raise BoardError(f"There are no boards for the task {task!r}.", f"Boards are of: {', '.join(TASKS)}.")
    return cast(Rules, import_module(TASKS[task]))


def best_known(entry: Entry, protocol: Frozen, eps: str) -> float:
    """The mean of an entry's rates or shifts under everything that is known."""
    return float(rules(protocol.task).best_known(entry, eps).mean())
