"""Worker processes on this machine, one thread each.

If a worker dies (killed, out of memory), the whole pool is replaced and its units are computed again.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from bench.evaluation.executors.worker import Assignment, begin, compute
from bench.evaluation.workbench import Finished
from bench.foundation.errors import WorkerError
from bench.tasks.unit import UnitKey, UnitResult

MOST_LOSSES = 3
"""Number of times that a unit may lose its worker before the run stops."""


class Processes:
    """A pool of ``workers`` processes."""

    def __init__(self, task: Assignment, workers: int) -> None:
        self.capacity = workers
        self._task = task
        self._running: dict[Future[Finished], tuple[UnitKey, Mapping[UnitKey, UnitResult]]] = {}
        self._losses: Counter[UnitKey] = Counter()
        self._others: set[BaseProcess] = set()

    def __enter__(self) -> Self:
        self._others = set(multiprocessing.active_children())
        self._pool = self._started()
        return self

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a fork of a process in which torch has started threads can hang.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.capacity, mp_context=context, initializer=begin)

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """Begin to compute a unit; see :class:`~bench.evaluation.executors.executor.Executor`."""
        try:
            future = self._pool.submit(compute, self._task, key, needed)
        except BrokenProcessPool:
            self._restart(blamed=[])
            future = self._pool.submit(compute, self._task, key, needed)
        self._running[future] = key, needed

    def next(self) -> tuple[UnitKey, Finished]:
        """The next finished unit. Raises ``WorkerError`` if a unit has lost its worker several times."""
        while True:
            finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
            future = finished.pop()
            try:
                result = future.result()
            except BrokenProcessPool:
                self._restart(blamed=[key for key, _ in self._running.values()])
                continue
            return self._running.pop(future)[0], result

    def _restart(self, *, blamed: list[UnitKey]) -> None:
        """Submit the running units to a new pool. blamed: units that may have been the cause."""
        self._losses.update(blamed)
        lost = next((key for key in blamed if self._losses[key] >= MOST_LOSSES), None)
        if lost is not None:
            raise WorkerError(
                f"The unit {lost.text} lost its worker {MOST_LOSSES} times.",
                "It was probably out of memory: give fewer --workers; the same command goes on where this one stopped.",
            )
        self._stop()
        interrupted = list(self._running.values())
        self._running.clear()
        self._pool = self._started()
        for key, needed in interrupted:
            self.submit(key, needed)

    def _stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - self._others:
            child.kill()
            child.join()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()
