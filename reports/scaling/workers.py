"""The same job on one and on several workers of this machine: wall time and CPU time, measured.

Wall times mean something on a quiet machine only.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from bench.evaluation.evaluate import evaluate_settings
from bench.evaluation.machine import machine_words
from bench.evaluation.request.settings import Running, Settings, Watcher
from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from reports.growing import Row

JOBS = {"pgd": "8/255", "standard": "2/255"}
"""Attack to radius, on ``zoo:snn_gsr``."""


@dataclass(frozen=True)
class Times:
    """Seconds that something took. cpu: of this process and of those it started and ended."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Times:
        """What the clocks show."""
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        return cls(time.perf_counter(), cpu)

    def since(self, began: Times) -> Times:
        """From ``began`` to this."""
        return Times(self.wall - began.wall, self.cpu - began.cpu)


def measured(jobs: Sequence[Settings], workers: Sequence[int], repeats: int) -> Iterator[Row]:
    """One row per job and number of workers: wall and CPU seconds, of ``repeats`` runs in turns the fastest.

    Raises ``RecordError`` if the rows of a job depend on the number of workers.
    """
    for settings in jobs:
        rows: pd.DataFrame | None = None
        times: dict[int, list[Times]] = {count: [] for count in workers}
        for _ in range(repeats):
            for count in workers:
                began = Times.now()
                record = _evaluated(settings, count)
                times[count].append(Times.now().since(began))
                rows = record.rows if rows is None else rows
                if not record.rows.equals(rows):
                    raise RecordError(
                        f"The rows of {settings.attack} depend on the number of workers.", "This is an error of the suite."
                    )
        for count, runs in times.items():
            best = min(runs, key=lambda run: run.wall)
            yield {
                "attack": settings.attack,
                "eps": settings.eps,
                "n": settings.n,
                "workers": count,
                "wall_seconds": round(best.wall, 1),
                "cpu_seconds": round(best.cpu, 1),
                "machine": machine_words(torch.device("cpu")),
            }


def _evaluated(settings: Settings, workers: int) -> Record:
    """The job in memory, start and end of its workers included."""
    return evaluate_settings(settings, Running(workers=workers), Watcher())


def jobs_of(n: int) -> list[Settings]:
    """:data:`JOBS` on the first ``n`` images."""
    return [Settings(model="zoo:snn_gsr", attack=attack, eps=eps, n=n) for attack, eps in JOBS.items()]


def markdown(table: pd.DataFrame) -> str:
    """The table on a page, with the machine under it."""
    lines = ["| attack | images | workers | wall, s | CPU, s | speed-up |", "|---" * 6 + "|"]
    for (attack, eps, n), runs in table.groupby(["attack", "eps", "n"], sort=False):
        alone = float(runs["wall_seconds"].iloc[0])
        for row in runs.itertuples():
            lines.append(
                f"| `{attack}` at {eps} | {n} | {row.workers} | {row.wall_seconds} | {row.cpu_seconds} "
                f"| {alone / float(str(row.wall_seconds)):.2f} |"
            )
    return "\n".join([*lines, "", f"Measured on: {'; '.join(sorted(set(table['machine'])))}."])
