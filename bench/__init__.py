"""Second floor: what runs. The Python API is as short as the command line:

    import bench
    record = bench.evaluate("zoo:snn_gsr", attack="pgd:steps=20", eps="8/255", n=1000, progress=True)
    record = bench.read_record("records/a")
    record.plot()
    images, labels = bench.load_data("cifar10", n=500)
    model = bench.load("snn_gsr")
    differences = bench.compare("records/a", "records/b")
    try: ...
    except bench.errors.BenchError as error: print(error.what, error.fix)

Nothing heavy is imported until one of these is used.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
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


def _refuse_strangers() -> None:
    """Raise ``ImportError`` if another package called ``attacks`` or ``zoo`` comes before those of this suite."""
    home = Path(__file__).resolve().parents[1]
    for name in ("attacks", "zoo"):
        spec = find_spec(name)
        places = [] if spec is None else [Path(place).resolve() for place in spec.submodule_search_locations or ()]
        where = places[0] if places else Path(spec.origin) if spec is not None and spec.origin else None
        if where is not None and home / name not in places:
            raise ImportError(
                f"The package {name!r} of spikebench is hidden by another one, {where}. Start Python in another folder, put "
                f"{home} first on PYTHONPATH, or rename the other package."
            )


_refuse_strangers()

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
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("bench.foundation.errors")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
