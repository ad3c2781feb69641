"""How long each unit of a full ``standard`` evaluation takes: CPU seconds of one thread, measured on the first shards.

CPU seconds, not wall seconds: they say the same on a busy machine as on a quiet one, within some percent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from bench.data.base import Samples
from bench.evaluation.executors.executor import Serial
from bench.evaluation.loop import run
from bench.evaluation.machine import machine_words
from bench.evaluation.plan import plan
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.evaluation.workbench import Finished, Workbench
from bench.foundation.errors import RecordError
from bench.tasks.task import Request
from bench.tasks.unit import CleanAnswers, StageOutcome, UnitKey, UnitResult
from reports.growing import Row

SETTINGS = Settings(model="zoo:snn_gsr", attack="standard@5", eps="2/255", n=2000)
"""The job; its samples are those that ship with the suite."""


class Timed(Serial):
    """Computes in this process and keeps the CPU seconds of each unit, loading of its samples included."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__(workbench)
        self.seconds: dict[UnitKey, float] = {}

    def next(self) -> tuple[UnitKey, Finished]:
        """The next unit; see :class:`~bench.evaluation.executors.executor.Executor`."""
        began = time.process_time()
        key, finished = super().next()
        self.seconds[key] = time.process_time() - began
        return key, finished


def measured(request: Request, shards: int) -> Iterator[Row]:
    """One row per unit of the first ``shards`` shards of a request: unit, samples, CPU seconds, machine."""
    units = plan(request)
    for shard in range(min(shards, len(request.shards))):
        executor = Timed(Workbench(request))
        done = run(request, [key for key in units if key.shard == shard], executor, existing={})
        for key, result in done.items():
            yield {
                "unit": key.text,
                "samples": _samples(request, key, result),
                "cpu_seconds": round(executor.seconds[key], 3),
                "machine": machine_words(torch.device("cpu")),
            }


def _samples(request: Request, key: UnitKey, result: UnitResult) -> int:
    """How many samples a unit worked on: of an attack those that were still standing."""
    if isinstance(result, StageOutcome):
        return len(result.rows)
    return len(result.sample) if isinstance(result, CleanAnswers) else len(request.shards[key.shard])


def as_if_of(request: Request, n: int) -> Request:
    """The request on ``n`` samples that nobody looks at: what is planned for a data set that is not here."""
    pixels = torch.zeros(1, *request.samples.shape[1:], dtype=torch.uint8).expand(n, *request.samples.shape[1:])
    samples = Samples(pixels, torch.zeros(n, dtype=torch.int64), torch.arange(n), request.samples.name, "test")
    return replace(request, samples=samples)


def read_times(path: Path) -> dict[str, float]:
    """CPU seconds by the unit's text. Raises ``RecordError`` if they were never measured."""
    if not path.exists():
        raise RecordError(f"There are no unit times in {path}.", "Run: python -m reports.scaling --units.")
    table = pd.read_csv(path)
    return dict(zip(table["unit"].astype(str), table["cpu_seconds"].astype(float), strict=True))


def times_of(request: Request, times: Mapping[str, float]) -> dict[UnitKey, float]:
    """Seconds of every unit of a request's plan. Shard ``s`` takes those of measured shard ``s`` modulo their number.

    Raises ``RecordError`` for times of other stages than the request has.
    """
    measured_shards = sum(text.startswith("clean/") for text in times)
    alike = {key: replace(key, shard=key.shard % max(measured_shards, 1)) for key in plan(request)}
    missing = next((key.text for key in alike.values() if key.text not in times), None)
    if missing is not None:
        raise RecordError(f"The unit {missing} was never measured.", "Run: python -m reports.scaling --units.")
    return {key: times[measured_key.text] for key, measured_key in alike.items()}


def the_request() -> Request:
    """The request of :data:`SETTINGS`."""
    return resolve(SETTINGS)
