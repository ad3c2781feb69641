"""Workers of a Dask cluster: the same units, on any number of machines (SLURM and PBS through ``dask-jobqueue``).

The scheduler gives the units of a lost worker to another one; a unit that has lost more workers than the scheduler's
``allowed-failures`` (3 unless configured) ends the run. A unit that raises is not repeated, since it would raise again.
Every worker needs the suite, and the model's file if the model is named by its file; a worker with other files refuses
(see :mod:`bench.evaluation.executors.worker`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from bench.evaluation.executors.worker import Assignment, compute
from bench.evaluation.workbench import Finished
from bench.foundation.errors import WorkerError
from bench.tasks.unit import UnitKey, UnitResult

INSTALL = "pip install 'spikebench[cluster]'"
PATIENCE = 10
"""Seconds to wait for a scheduler, and for its first worker."""


def _compute(task: Assignment, key: UnitKey, needed: Mapping[UnitKey, UnitResult], threads: int = 1) -> Finished:
    """Compute a unit on a Dask worker, with one thread: a worker runs as many units as it has threads."""
    import torch

    torch.set_num_threads(threads)
    return compute(task, key, needed)


def _as_result(task: Assignment) -> Assignment:
    """The assignment as the result of a task, which the scheduler can repeat; scattered data are lost with their workers."""
    return task


class Cluster:
    """The workers of the scheduler at ``address``, such as ``tcp://HOST:8786``.

    Entering it raises ``WorkerError`` if Dask is not installed, or no scheduler or worker answers.
    """

    def __init__(self, task: Assignment, address: str) -> None:
        if not isinstance(address, str) or not re.fullmatch(r"(tcp|tls|ucx|ws|wss)://\S+:\d+", address):
            raise WorkerError(f"{address!r} is no address of a scheduler.", "Write it as tcp://HOST:PORT.")
        self._task, self._address = task, address
        self._keys: dict[Any, UnitKey] = {}

    def __enter__(self) -> Self:
        try:
            from distributed import Client, as_completed
        except ModuleNotFoundError as error:
            raise WorkerError("A cluster needs Dask, which is not installed.", f"Run: {INSTALL}.") from error
        try:
            self._client = Client(self._address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise WorkerError(
                f"No scheduler answers at {self._address}.", "Start one (dask scheduler), and give its tcp:// address."
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            self._client.close()
            raise WorkerError(
                f"The scheduler at {self._address} has no workers.", "Start some: dask worker ADDRESS."
            ) from error
        self._task_there = self._client.submit(_as_result, self._task, pure=False)
        self._completed = as_completed(loop=self._client.loop)
        return self

    @property
    def capacity(self) -> int:
        """Two units per thread of the workers: the next unit is there while the result of the last one is sent back.

        Counted anew at every call, because jobs of a queue start one after the other. Never 0: where all workers were lost,
        the scheduler keeps a unit for the next one that joins.
        """
        threads: int = sum(self._client.nthreads().values())
        return max(1, 2 * threads)

    def submit(self, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> None:
        """Begin to compute a unit; see :class:`~bench.evaluation.executors.executor.Executor`."""
        future = self._client.submit(
            _compute,
            self._task_there,
            key,
            dict(needed),
            key=f"{self._task.name[:16]}-{key.text}",
            pure=False,
        )
        self._keys[future.key] = key
        self._completed.add(future)

    def next(self) -> tuple[UnitKey, Finished]:
        """The next finished unit. Raises ``WorkerError`` if its worker was lost several times, or the scheduler."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        future = self._completed.next()
        try:
            finished: Finished = future.result()
        except KilledWorker as error:
            raise WorkerError(
                f"The unit {self._keys[future.key].text} lost its worker several times.",
                "Give the workers more memory; the same command goes on where this one stopped.",
            ) from error
        except FutureCancelledError as error:
            raise WorkerError(
                f"The scheduler at {self._address} was lost, or dropped the unit {self._keys[future.key].text}.",
                "Start it again if it has stopped; the same command goes on where this one stopped.",
            ) from error
        key = self._keys.pop(future.key)
        future.release()
        return key, finished

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for future in list(self._completed.futures):
            future.cancel()
        self._client.close()
