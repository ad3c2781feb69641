"""What the loop asks of whoever computes, and the simplest answer: this process, one unit after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from bench.evaluation.workbench import Finished, Workbench
from bench.tasks.unit import UnitKey, UnitResult


class Executor(Protocol):
    """Computes units in any order. A context: what it started has stopped when the block is left, however it is left."""

    @property
    def capacity(self) -> int:
        """How many units it takes at a time."""
        ...

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """Begin to compute ``key``. needed: the results it is computed from."""
        ...

    def next(self) -> tuple[UnitKey, Finished]:
        """The next unit that is finished. Waits for it; raises whatever the unit raised."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Serial:
    """One unit after the other, in this process."""

    capacity = 1

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._queue: deque[tuple[UnitKey, Mapping[UnitKey, UnitResult]]] = deque()

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        self._queue.append((key, needed))

    def next(self) -> tuple[UnitKey, Finished]:
        key, needed = self._queue.popleft()
        return key, self._workbench.compute(key, needed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._queue.clear()
