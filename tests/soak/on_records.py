"""``bench evaluate`` of a linear model: records, and the images beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.boards import pictures
from support.submissions import state

from bench.evaluation.records.rows_file import rows_sha256
from bench.evaluation.records.storage import RECORD_FILE, read_record
from bench.foundation.errors import BenchError
from bench.tasks.record import Record
from soak.dying import Work
from soak.scenario import Result, bench, hidden, shared_with

MODEL = """
from support.exact import RowByRow
from support.tiny import Linear


def build():
    return RowByRow(Linear())
"""
TIMED = {"seconds", "created", "machine", "rows_sha256"}


def without_times(value: Any) -> Any:
    """The fields of a record without those that differ from run to run."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMED}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def of_record(record: Record) -> str:
    """A text that two records share if they agree in everything but times."""
    fields = without_times(json.loads(record.model_dump_json()))
    return json.dumps([fields, rows_sha256(record.rows)], sort_keys=True)


def of_records(home: Path) -> Result:
    """All records of a folder, and the files beside them."""
    result: Result = {}
    for path in sorted((home / "records").glob(f"*/{RECORD_FILE}")):
        result[path.parent.name] = of_record(read_record(path.parent))
        others = {name: sha256 for name, sha256 in state(path.parent).items() if name.startswith("adversarial/")}
        result |= {f"{path.parent.name}/{name}": sha256 for name, sha256 in others.items() if not hidden(name)}
        result[f"{path.parent.name}/"] = " ".join(sorted(name for name in state(path.parent) if not hidden(name)))
    return result


def readable_records(home: Path) -> list[str]:
    """A finished record can be read, whatever happened."""
    try:
        of_records(home)
    except BenchError as error:
        return [str(error)]
    return []


def small_pictures(home: Path, shared: Path) -> None:
    """A model of one's own and twelve images, outside of the folder."""
    if not shared.exists():
        pictures(shared / "pictures")
        (shared / "model.py").write_text(MODEL)


def evaluated(*more: str) -> Work:
    """``bench evaluate`` of that model."""

    def work(home: Path) -> None:
        shared = shared_with(home)
        bench(
            *("evaluate", "--model", f"{shared / 'model.py'}::build", "--data", f"folder:{shared / 'pictures'}"),
            *("--attack", "pgd:steps=2", "--attack", "fgsm", "--eps", "0.02,0.1", "--out", "records", *more),
        )

    return work


def evaluated_before(home: Path, shared: Path) -> None:
    """A finished record, which ``--fresh`` is to replace."""
    small_pictures(home, shared)
    evaluated()(home)
