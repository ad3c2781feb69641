"""The contract of an executor, and the simplest executor: this process, one unit after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from bench.evaluation.workbench import Finished, Workbench
from bench.tasks.unit import UnitKey, UnitResult


class Executor(Protocol):
    """Computes units in any order. It is a context: when the block is left, everything that it started has stopped."""

    @property
    def capacity(self) -> int:
        """Number of units that it accepts at a time."""
        ...

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """Begin to compute ``key``. needed: the results from which it is computed."""
        ...

    def next(self) -> tuple[UnitKey, Finished]:
        """Wait for the next finished unit and return it. Raises what the unit raised."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Serial:
    """Computes one unit after another, in this process."""

    capacity = 1

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._queue: deque[tuple[UnitKey, Mapping[UnitKey, UnitResult]]] = deque()

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """Put a unit into the queue; see :class:`Executor`."""
        self._queue.append((key, needed))

    def next(self) -> tuple[UnitKey, Finished]:
        """Compute the next unit of the queue. Raises what the unit raises."""
        key, needed = self._queue.popleft()
        return key, self._workbench.compute(key, needed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._queue.clear()
