"""A cluster without one: the plan of a request, run by the real loop on workers whose clock is a number.

The loop is :func:`bench.evaluation.loop.run` itself, so the order in which units start is the one that a real run has:
whenever a worker is free, the first unit of the plan whose needs are done. What is left out: the start of workers, the
transfer of results (kilobytes a unit), and that workers of different speed exist.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.evaluation.loop import run
from bench.evaluation.plan import needs
from bench.evaluation.workbench import Finished
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult


@dataclass(frozen=True)
class Span:
    """When, in seconds after the start, and on which worker a unit was computed."""

    key: UnitKey
    worker: int
    began: float
    ended: float


@dataclass(frozen=True)
class Schedule:
    """The spans of all units of a plan, in the order in which they began."""

    workers: int
    spans: tuple[Span, ...]

    @property
    def makespan(self) -> float:
        """Seconds from the start to the end of the last unit."""
        return max((span.ended for span in self.spans), default=0.0)

    @property
    def work(self) -> float:
        """Seconds of all units together."""
        return sum(span.ended - span.began for span in self.spans)

    @property
    def idle(self) -> float:
        """Share of the workers' time in which they had nothing to do."""
        return 1 - self.work / (self.workers * self.makespan) if self.makespan else 0.0

    @property
    def straggler(self) -> Span:
        """The unit that ends last."""
        return max(self.spans, key=lambda span: span.ended)

    @property
    def tail(self) -> float:
        """Seconds at the end in which at least one worker has nothing left to do."""
        last = [0.0] * self.workers
        for span in self.spans:
            last[span.worker] = max(last[span.worker], span.ended)
        return self.makespan - min(last)


class Simulated:
    """An executor of ``workers`` workers that computes nothing. seconds: how long each unit takes."""

    def __init__(self, workers: int, seconds: Mapping[UnitKey, float]) -> None:
        self.capacity = workers
        self.spans: list[Span] = []
        self._seconds = seconds
        self._now = 0.0
        self._idle = list(range(workers))
        self._running: list[tuple[float, int]] = []
        """When a span ends, and its position in ``spans``: of two that end together the one that began first."""

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """A unit begins now, on the first idle worker."""
        span = Span(key, heapq.heappop(self._idle), self._now, self._now + self._seconds[key])
        heapq.heappush(self._running, (span.ended, len(self.spans)))
        self.spans.append(span)

    def next(self) -> tuple[UnitKey, Finished]:
        """The unit that ends next; the clock moves there."""
        self._now, position = heapq.heappop(self._running)
        span = self.spans[position]
        heapq.heappush(self._idle, span.worker)
        return span.key, Finished(UnitResult(seconds=span.ended - span.began))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def simulate(request: Request, units: Sequence[UnitKey], seconds: Mapping[UnitKey, float], workers: int) -> Schedule:
    """How ``workers`` workers compute the units of a plan. seconds: of every unit.

    More workers are not faster in every case that one could construct (R. L. Graham, Bounds on multiprocessing timing
    anomalies, 1969), but never slower than (work - critical path) / workers + critical path.
    """
    executor = Simulated(workers, seconds)
    run(request, units, executor, existing={})
    return Schedule(workers, tuple(executor.spans))


def critical_path(units: Sequence[UnitKey], seconds: Mapping[UnitKey, float]) -> tuple[UnitKey, ...]:
    """The chain of units, each needing the one before it, that takes longest: no number of workers is faster."""
    length: dict[UnitKey, float] = {}
    before: dict[UnitKey, UnitKey | None] = {}
    for key in units:
        before[key] = max(needs(key), key=length.__getitem__, default=None)
        previous = before[key]
        length[key] = seconds[key] + (length[previous] if previous is not None else 0.0)
    chain: list[UnitKey] = []
    last = max(length, key=length.__getitem__, default=None)
    while last is not None:
        chain.append(last)
        last = before[last]
    return tuple(reversed(chain))
