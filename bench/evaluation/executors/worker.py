"""The worker's side: a process that rebuilds a request from its settings and computes units of it.

A worker must compute the same request as its parent. It resolves the settings itself and compares everything that
determines the rows, field by field; with another model file, other data or another version of the suite it refuses.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch

from bench.evaluation.request.identity import identity_fields
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.evaluation.workbench import Finished, Workbench
from bench.foundation.errors import WorkerError
from bench.foundation.files import digest, sha256_bytes
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult

WORDS = {
    "model": "another model file",
    "data": "other data",
    "evaluator": "another version of the suite",
    "attacks": "other attacks",
    "suite": "another version of the suite",
    "torch": "another version of torch",
}
"""Words for a field that differs."""


@dataclass(frozen=True)
class Assignment:
    """Everything that a worker needs. expected: digests of the fields that determine the rows."""

    settings: Settings
    expected: dict[str, str]

    @property
    def name(self) -> str:
        """A name that is equal for equal requests."""
        return digest(self.expected)


def assignment(settings: Settings, request: Request) -> Assignment:
    """The assignment of a request that was resolved from ``settings``, in batches that fitted into memory here."""
    return Assignment(replace(settings, batch=request.batch), _fingerprints(request))


def _fingerprints(request: Request) -> dict[str, str]:
    fields = {name: digest(value) for name, value in identity_fields(request).items()}
    return fields | {"suite": suite_sha256(), "torch": torch.__version__, "shard_rows": str(request.shard_rows)}


@cache
def suite_sha256() -> str:
    """Hash of the suite's own modules, wherever they are installed."""
    import attacks
    import bench
    import zoo

    contents = []
    for package in (attacks, zoo, bench):
        top = Path(package.__path__[0])
        contents += [f"{p.relative_to(top.parent)}".encode() + p.read_bytes() for p in sorted(top.rglob("*.py"))]
    return sha256_bytes(b"\0".join(contents))


_workbenches: dict[str, Workbench] = {}
"""The workbench of the latest assignment of this process; a new one for each unit would cost seconds."""


def compute(task: Assignment, key: UnitKey, needed: Mapping[UnitKey, UnitResult]) -> Finished:
    """Compute a unit in a worker. Raises ``WorkerError`` if this worker would compute another request."""
    if task.name not in _workbenches:
        _workbenches.clear()
        _workbenches[task.name] = _opened(task)
    finished = _workbenches[task.name].compute(key, needed)
    if finished.images is None or finished.rows is None:
        return finished
    return Finished(finished.result, finished.rows.cpu(), finished.images.cpu())


def _opened(task: Assignment) -> Workbench:
    request = resolve(task.settings)
    own = _fingerprints(request)
    differing = [WORDS.get(name, f"another {name}") for name in task.expected if own.get(name) != task.expected[name]]
    if differing:
        raise WorkerError(
            f"A worker has {' and '.join(dict.fromkeys(differing))}.",
            "Give every worker the same installation, model file and data.",
        )
    return Workbench(request)


def begin() -> None:
    """Prepare a new process:

    one thread, no reaction to Ctrl-C (the parent stops its workers), exit when the parent exits.
    """
    import signal

    from bench.foundation.memory import keep_freed_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    keep_freed_memory()
    parent: Any = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
