"""What is measured of units and of workers, on jobs of milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.tiny import Linear, labelled

from bench.evaluation.plan import plan
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Running, Settings
from bench.foundation.errors import RecordError
from reports.scaling import unit_times, workers
from reports.scaling.unit_times import as_if_of, measured, read_times, times_of

MODEL = Linear()
SETTINGS = Settings(model=MODEL, attack="quick", eps="0.1", data=labelled(MODEL, 20, wrong=2))


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.evaluation.request.shards.MOST_ROWS", 10)


@pytest.fixture
def table(tmp_path: Path, small_shards: None) -> Path:
    rows = list(measured(resolve(SETTINGS), 2))
    pd.DataFrame(rows).to_csv(tmp_path / "units.csv", index=False)
    return tmp_path / "units.csv"


def test_every_unit_of_the_first_shards_is_measured(table: Path) -> None:
    request = resolve(SETTINGS)
    rows = pd.read_csv(table).set_index("unit")
    assert list(rows.index) == [key.text for key in plan(request)]
    assert (rows["cpu_seconds"] >= 0).all() and rows["machine"].nunique() == 1
    assert rows["samples"]["clean/0"] == 10 and rows["samples"]["attack/0/0.1/0/0"] == 8
    assert len(list(measured(request, 1))) == len(rows) // 2


def test_shards_that_were_not_measured_take_the_times_of_those_that_were(table: Path) -> None:
    request = as_if_of(resolve(SETTINGS), 50)
    assert len(request.shards) == 5
    times = read_times(table)
    seconds = times_of(request, times)
    assert set(seconds) == set(plan(request))
    for key, value in seconds.items():
        twin = next(other for other in seconds if other.shard == key.shard % 2 and other.text == _moved(key.text, key.shard))
        assert value == times[twin.text]


def _moved(text: str, shard: int) -> str:
    """The text of a unit with its shard modulo 2."""
    parts = text.split("/")
    position = {"clean": 1, "noise": 2, "attack": 3}[parts[0]]
    return "/".join([*parts[:position], str(shard % 2), *parts[position + 1 :]])


def test_times_of_another_attack_are_refused(table: Path, small_shards: None) -> None:
    other = resolve(Settings(model=MODEL, attack="standard", eps="0.1", data=labelled(MODEL, 20)))
    with pytest.raises(RecordError, match="never measured"):
        times_of(other, read_times(table))
    with pytest.raises(RecordError, match="no unit times"):
        read_times(table.parent / "none.csv")


def test_workers_are_compared_on_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int | None] = []
    evaluated = workers.evaluate_settings

    def counted(settings: Settings, running: Running, watcher: Any) -> Any:
        counts.append(running.workers)
        return evaluated(settings, Running(workers=1), watcher)

    monkeypatch.setattr(workers, "evaluate_settings", counted)
    table = pd.DataFrame(workers.measured([SETTINGS], (1, 2), repeats=2))
    assert counts == [1, 2, 1, 2] and list(table["workers"]) == [1, 2]
    assert (table[["wall_seconds", "cpu_seconds"]] >= 0).all(axis=None)


def test_rows_that_depend_on_the_workers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = workers.evaluate_settings

    def wrong(settings: Settings, running: Running, watcher: Any) -> Any:
        record = evaluated(settings, Running(workers=1), watcher)
        return record.with_rows(record.rows.assign(clean_pred=running.workers))

    monkeypatch.setattr(workers, "evaluate_settings", wrong)
    with pytest.raises(RecordError, match="depend on the number of workers"):
        list(workers.measured([SETTINGS], (1, 2), repeats=1))


def test_the_job_is_one_whose_samples_ship() -> None:
    assert [job.attack for job in workers.jobs_of(300)] == ["pgd", "standard"]
    assert unit_times.SETTINGS.attack == "standard@5" and unit_times.SETTINGS.data is None
