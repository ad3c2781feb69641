"""Who computes changes nothing: other processes, another order, a worker that dies, a cluster."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pytest
from support.tiny import Linear, labelled

import bench
from bench.evaluation.evaluate import kept_units
from bench.evaluation.executors import worker
from bench.evaluation.executors.cluster import Cluster as ClusterExecutor
from bench.evaluation.executors.executor import Serial
from bench.evaluation.executors.processes import Processes
from bench.evaluation.frontier import Frontier
from bench.evaluation.loop import run
from bench.evaluation.plan import needs, plan
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.evaluation.workbench import Finished, Workbench
from bench.foundation.errors import SpecError, WorkerError
from bench.tasks.unit import UnitKey, UnitResult, clean_key

MODEL = Linear()
DATA = labelled(MODEL, 40, wrong=4)
ASKED: dict[str, Any] = {"attack": ["pgd:steps=2", "fgsm"], "eps": "0.05,0.2", "data": DATA}

FILE = '''
"""A model that kills the first worker process that runs it."""
import multiprocessing, os, signal
from pathlib import Path
from support.tiny import Linear

class Mortal(Linear):
    def forward(self, x):
        once = Path(os.environ["SPIKEBENCH_KILL_ONCE"])
        if multiprocessing.parent_process() is None:  # who asks, not who computes
            return super().forward(x)
        try:
            once.unlink()
        except FileNotFoundError:
            return super().forward(x)
        os.kill(os.getpid(), signal.SIGKILL)

def build():
    return Mortal()
'''


def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ten rows make several shards of forty samples; workers learn it from the request."""
    monkeypatch.setattr("bench.evaluation.request.shards.MOST_ROWS", 10)


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    return bench.evaluate(MODEL, **ASKED).rows


def same(record: bench.Record, rows: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(record.rows, rows)


class Shuffled(Serial):
    """Takes many units at a time and gives them back in an order of its own."""

    capacity = 7

    def __init__(self, workbench: Workbench, seed: int) -> None:
        super().__init__(workbench)
        self._dice = random.Random(seed)

    def next(self) -> tuple[UnitKey, Finished]:
        self._queue.rotate(self._dice.randrange(len(self._queue)))
        return super().next()


@pytest.mark.parametrize("seed", range(2))
def test_units_may_arrive_in_any_order(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    small_shards(monkeypatch)
    request = resolve(Settings(model=MODEL, **ASKED | {"attack": ["fgsm", "quick"], "eps": "0.05"}))
    units = plan(request)
    assert len(request.shards) == 4
    straight = run(request, units, Serial(Workbench(request)), existing={})
    kept: list[UnitKey] = []
    shuffled = run(
        request, units, Shuffled(Workbench(request), seed), existing={}, keep=lambda key, finished: kept.append(key)
    )
    assert (
        list(shuffled) == list(straight) == list(units)
        and kept != list(units)
        and sorted(map(str, kept)) == sorted(map(str, units))
    )
    for key in units:
        assert _answer(shuffled[key]) == _answer(straight[key])


def _answer(result: UnitResult) -> dict[str, Any]:
    return {name: value for name, value in result.to_json().items() if name != "seconds"}


def test_a_plan_names_what_each_unit_needs_before_it() -> None:
    request = resolve(Settings(model=MODEL, **ASKED))
    units = plan(request)
    assert len(set(units)) == len(units) and units[0] == clean_key(0)
    for position, key in enumerate(units):
        assert set(needs(key)) <= set(units[:position])
    assert Frontier(units[1:]).next() is None and Frontier(units[1:], {units[0]}).next() == units[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_frontier_hands_out_the_first_unit_whose_needs_are_done(seed: int) -> None:
    units = plan(resolve(Settings(model=MODEL, **ASKED | {"attack": ["fgsm", "quick"]})))
    dice = random.Random(seed)
    kept = {key for key in units if key.kind == "clean" and dice.random() < 0.5}
    frontier, done, running = Frontier(units, kept), set(kept), list[UnitKey]()
    while len(frontier) or running:
        allowed = [key for key in units if key not in done and key not in running and done.issuperset(needs(key))]
        key = frontier.next()
        assert key == (allowed[0] if allowed else None)
        if key is not None:
            running.append(key)
        if running and (key is None or dice.random() < 0.5):
            ended = running.pop(dice.randrange(len(running)))
            done.add(ended)
            frontier.finish(ended)
    assert done == set(units)


@pytest.mark.parametrize("workers", [2, 4])
def test_rows_do_not_depend_on_the_number_of_workers(workers: int, alone: pd.DataFrame) -> None:
    same(bench.evaluate(MODEL, **ASKED, workers=workers), alone)


def test_adversarial_images_come_back_from_workers(tmp_path: Path) -> None:
    folders = []
    for workers in (1, 2):
        bench.evaluate(MODEL, **ASKED, workers=workers, out=tmp_path / str(workers), save_adv=True)
        folders.append(next((tmp_path / str(workers)).glob("[!.]*")) / "adversarial")
    names = sorted(path.name for path in folders[0].iterdir())
    assert names and names == sorted(path.name for path in folders[1].iterdir())
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def all_ended() -> bool:
    """Whether no child process is left. A child counts until a thread of the pool, which may come second, has reaped it."""
    end = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.01)
    return not multiprocessing.active_children()


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that kills the first worker that runs it."""
    (tmp_path / "mortal.py").write_text(FILE)
    (tmp_path / "once").touch()
    monkeypatch.setenv("SPIKEBENCH_KILL_ONCE", str(tmp_path / "once"))
    return f"{tmp_path / 'mortal.py'}::build"


@pytest.mark.slow
def test_the_unit_of_a_killed_worker_is_computed_again(mortal: str, tmp_path: Path, alone: pd.DataFrame) -> None:
    record = bench.evaluate(mortal, **ASKED, workers=2)
    assert not (tmp_path / "once").exists()
    same(record, alone)
    assert all_ended()


def test_workers_stop_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(model=MODEL, **ASKED)
    task = worker.assignment(settings, resolve(settings))
    with Processes(task, 2) as pool:
        pool.submit(clean_key(0), {})
        assert multiprocessing.active_children()
    assert all_ended()


@pytest.mark.parametrize(
    ("field", "words"), [("model", "another model file"), ("data", "other data"), ("suite", "another version of the suite")]
)
def test_a_worker_that_would_answer_another_question_refuses(field: str, words: str) -> None:
    settings = Settings(model=MODEL, **ASKED)
    task = worker.assignment(settings, resolve(settings))
    other = replace(task, expected=task.expected | {field: "0" * 64})
    with pytest.raises(WorkerError, match=words):
        worker.compute(other, clean_key(0), {})
    assert worker.compute(task, clean_key(0), {}).result.machine


def test_what_cannot_be_had_is_said() -> None:
    with pytest.raises(SpecError, match="workers must be at least 1"):
        bench.evaluate(MODEL, **ASKED, workers=0)
    unsendable = Linear()
    unsendable.hook = lambda x: x  # type: ignore[assignment]
    with pytest.raises(WorkerError, match="cannot be sent to other processes"):
        bench.evaluate(unsendable, **ASKED, workers=2)


class Cluster:
    """A scheduler and two workers on this machine."""

    def __enter__(self) -> Self:
        distributed = pytest.importorskip("distributed")
        self._cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        )
        self.address = self._cluster.scheduler_address
        return self

    def __exit__(self, *error: object) -> None:
        self._cluster.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_rows_with_a_worker_killed_in_between(mortal: str, alone: pd.DataFrame) -> None:
    with Cluster() as cluster:
        same(bench.evaluate(mortal, **ASKED, scheduler=cluster.address), alone)


@contextmanager
def one_worker() -> Iterator[tuple[Any, ClusterExecutor]]:
    """A cluster of one worker in this process, and an executor that uses it."""
    distributed = pytest.importorskip("distributed")
    settings = Settings(model=MODEL, **ASKED)
    task = worker.assignment(settings, resolve(settings))
    options = {"processes": False, "protocol": "tcp://", "dashboard_address": None, "silence_logs": 50}
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **options) as local,
        ClusterExecutor(task, local.scheduler_address) as executor,
    ):
        yield local, executor


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")
def test_workers_that_join_later_are_counted() -> None:
    with one_worker() as (local, executor):
        assert executor.capacity == 2
        local.scale(3)
        local.wait_for_workers(3)
        assert executor.capacity == 6


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")
def test_a_unit_that_the_scheduler_drops_ends_the_run_with_a_sentence() -> None:
    with one_worker() as (_, executor):
        executor.submit(clean_key(0), {})
        executor._client.cancel(list(executor._completed.futures))
        with pytest.raises(WorkerError, match="was lost, or dropped the unit clean/0"):
            executor.next()


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("bench.evaluation.executors.cluster.PATIENCE", 1)
    with pytest.raises(WorkerError, match="No scheduler answers"):
        bench.evaluate(MODEL, **ASKED, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(WorkerError, match="is no address"):
        bench.evaluate(MODEL, **ASKED, scheduler="somewhere")


def test_units_of_a_shard_that_was_cut_otherwise_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def journal_with(rows: int) -> tuple[Any, dict[str, Any]]:
        monkeypatch.setattr("bench.evaluation.request.shards.MOST_ROWS", rows)
        request = resolve(Settings(model=MODEL, **ASKED))
        units = run(request, plan(request), Serial(Workbench(request)), existing={})
        return request, {key.text: result.to_json() for key, result in units.items()}

    request, journal = journal_with(10)
    assert len(kept_units(request, plan(request), journal)) == len(plan(request))
    other, _ = journal_with(20)
    assert kept_units(other, plan(other), journal) == {}
