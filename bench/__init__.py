"""Second floor: what runs. The Python API is as short as the command line:

    import bench
    record = bench.evaluate("zoo:snn_gsr", attack="pgd:steps=20", eps="8/255", n=1000)
    images, labels = bench.load_data("cifar10", n=500)
    model = bench.load("snn_gsr")
    differences = bench.compare("records/a", "records/b")
    try: ...
    except bench.errors.BenchError as error: print(error.what, error.fix)

Nothing heavy is imported until one of these is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.data import load_data
    from bench.evaluation.evaluate import evaluate
    from bench.evaluation.records.comparison import compare
    from bench.evaluation.records.storage import read_record
    from bench.foundation import errors
    from bench.tasks.record import Record
    from zoo.loading import load

# Threads of OpenMP spin while they wait, unless this is set before torch is loaded. On a busy machine the same PGD job took
# 25 to 70 s of wall and 12 to 19 s of CPU time with spinning, 5 to 8 s and 2.7 s without.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_WHERE = {
    "evaluate": "bench.evaluation.evaluate",
    "compare": "bench.evaluation.records.comparison",
    "load": "zoo.loading",
    "load_data": "bench.data",
    "read_record": "bench.evaluation.records.storage",
    "Record": "bench.tasks.record",
}

__all__ = ["Record", "compare", "errors", "evaluate", "load", "load_data", "read_record"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("bench.foundation.errors")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
