"""Chooses the executor of a request from the caller's settings and the estimated cost."""

from __future__ import annotations

import os
import time
from multiprocessing.reduction import ForkingPickler

import torch

from bench.evaluation.executors.cluster import Cluster
from bench.evaluation.executors.executor import Executor, Serial
from bench.evaluation.executors.processes import Processes
from bench.evaluation.executors.worker import Assignment, assignment
from bench.evaluation.request.price import price_of
from bench.evaluation.request.settings import Running, Settings
from bench.evaluation.workbench import Workbench
from bench.foundation.errors import SpecError, WorkerError
from bench.models.scorer import BATCH, Scorer
from bench.tasks.task import Request

WORTH_IT = 30.0
"""Seconds of estimated work from which on worker processes are started by default; each needs about 4 to start."""

BACKWARD = 1.3
"""Cost of a backward to the input relative to a forward."""


def executor_for(settings: Settings, request: Request, running: Running) -> Executor:
    """The executor of a request.

    Raises ``SpecError`` for settings that do not fit, ``WorkerError`` if the request cannot be sent to other processes.
    """
    if running.workers is not None and running.workers < 1:
        raise SpecError(f"workers must be at least 1, not {running.workers}.", "Leave it out, or use --workers 1.")
    if running.scheduler is not None:
        return Cluster(_sendable(settings, request), running.scheduler)
    if running.workers is None:
        return _default_executor(settings, request)
    if running.workers == 1:
        return Serial(Workbench(request))
    if request.device.type != "cpu":
        raise SpecError("One accelerator cannot be shared by several workers.", "Use --workers 1, or --device cpu.")
    return Processes(_sendable(settings, request), running.workers)


def _default_executor(settings: Settings, request: Request) -> Executor:
    """One process per core if that is worth it and possible, otherwise this process."""
    if request.device.type == "cpu" and cores() > 1 and len(request.shards) > 1 and seconds_for(request) > WORTH_IT:
        try:
            return Processes(_sendable(settings, request), cores())
        except WorkerError:  # the caller did not ask for processes
            pass
    return Serial(Workbench(request))


def _sendable(settings: Settings, request: Request) -> Assignment:
    """The assignment of a request. Raises ``WorkerError`` if it cannot be pickled."""
    task_assignment = assignment(settings, request)
    try:
        ForkingPickler.dumps(task_assignment)
    except Exception as error:  # objects of users may raise anything
        raise WorkerError(
            f"The model, attack or data cannot be sent to other processes ({type(error).__name__}: {error}).",
            "Name the model as FILE.py::FACTORY and the data by its name, or use one worker.",
        ) from error
    return task_assignment


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seconds_for(request: Request) -> float:
    """Seconds the request may take in one process: its price times the measured time of one forward."""
    batch = request.batch or BATCH
    scorer = Scorer(request.subject.deciding, request.subject.ref, batch=batch)
    x = request.samples[: min(batch, len(request.samples))].images.to(request.device)
    with torch.random.fork_rng(devices=[]):
        request.task.ask(scorer, x)
        started = time.perf_counter()
        request.task.ask(scorer, x)
    seconds_per_sample = (time.perf_counter() - started) / batch
    price = price_of(request)
    return seconds_per_sample * (price.forwards + BACKWARD * price.backwards)
