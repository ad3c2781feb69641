"""Simulated clusters: bounds that every schedule keeps, and cases that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tiny import Linear, labelled

from bench.evaluation.plan import needs, plan
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, clean_key, noise_key, stage_key
from reports.scaling import clusters
from reports.scaling.simulation import Schedule, critical_path, simulate

MODEL = Linear()
REQUEST = resolve(Settings(model=MODEL, attack=["quick", "fgsm"], eps="0.1", data=labelled(MODEL, 12)))


def cut(shards: int) -> Request:
    """The request in this many shards."""
    return replace(REQUEST, shard_rows=12 // shards)


def test_the_request_is_cut_as_the_cases_below_count_on() -> None:
    for shards in (1, 2, 4):
        assert len(cut(shards).shards) == shards
    assert [len(stages) for stages in REQUEST.stages] == [3, 1]


@given(
    shards=st.sampled_from([1, 2, 3, 4]),
    workers=st.integers(1, 9),
    drawn=st.lists(st.floats(0.01, 100), min_size=24, max_size=24),
)
def test_every_schedule_keeps_the_bounds_of_list_scheduling(shards: int, workers: int, drawn: list[float]) -> None:
    units = plan(cut(shards))
    seconds = dict(zip(units, drawn, strict=False))
    schedule = simulate(cut(shards), units, seconds, workers)
    path = sum(seconds[key] for key in critical_path(units, seconds))
    work = sum(seconds.values())
    assert schedule.work == pytest.approx(work)
    assert schedule.makespan >= max(path, work / workers) * (1 - 1e-9)
    assert schedule.makespan <= (path + (work - path) / workers) * (1 + 1e-9)
    assert 0 <= schedule.idle + 1e-9 < 1 and 0 <= schedule.tail <= schedule.makespan
    if workers == 1:
        assert schedule.makespan == pytest.approx(work) and schedule.idle == pytest.approx(0, abs=1e-9)
    check_possible(schedule, units)


def check_possible(schedule: Schedule, units: tuple[UnitKey, ...]) -> None:
    """Each unit once, none before its needs, and none beside another on the same worker."""
    spans = {span.key: span for span in schedule.spans}
    assert len(schedule.spans) == len(units) and set(spans) == set(units)
    for key, span in spans.items():
        assert all(spans[need].ended <= span.began for need in needs(key))
    for worker in range(schedule.workers):
        own = sorted((span.began, span.ended) for span in schedule.spans if span.worker == worker)
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(own))


def test_one_shard_by_hand() -> None:
    """Clean 1, noise 5, quick 2 + 3 + 4, fgsm 1: two workers share them in 10; noise and fgsm fit beside the stages."""
    request = cut(1)
    eps = request.eps[0].value
    stages = [stage_key(0, eps, 0, stage) for stage in range(3)]
    seconds = {clean_key(0): 1.0, noise_key(eps, 0): 5.0, stage_key(1, eps, 0, 0): 1.0}
    seconds |= dict(zip(stages, (2.0, 3.0, 4.0), strict=True))
    units = plan(request)
    assert critical_path(units, seconds) == (clean_key(0), *stages)
    alone, two, three = (simulate(request, units, seconds, workers) for workers in (1, 2, 3))
    assert (alone.makespan, alone.idle, alone.tail) == (16.0, 0.0, 0.0)
    # Noise runs to 6 on one worker; the stage begins at 1 on the other; fgsm comes before the second stage in the list of
    # what is ready at 3 only if that stage is not, and it is.
    assert [(span.key, span.began) for span in two.spans[:3]] == [(clean_key(0), 0), (units[1], 1), (stages[0], 1)]
    assert two.makespan == three.makespan == 10.0
    assert two.straggler.key == stages[2] and three.tail == 8.0


def test_the_first_ready_unit_in_plan_order_leaves_the_stages_of_the_last_shard_to_the_end() -> None:
    """Four shards of six units of one second: of two workers one has nothing to do in the last two seconds."""
    request = cut(4)
    units = plan(request)
    seconds = dict.fromkeys(units, 1.0)
    schedules = [simulate(request, units, seconds, workers) for workers in (1, 2, 4)]
    assert [schedule.makespan for schedule in schedules] == [24.0, 13.0, 7.0]
    assert schedules[1].straggler.key == stage_key(0, request.eps[0].value, 3, 2) and schedules[1].tail == 2.0


def test_the_table_has_a_row_per_number_of_workers() -> None:
    request = cut(4)
    seconds = dict.fromkeys(plan(request), 60.0)
    table = clusters.clusters(request, seconds, (1, 4, 64))
    assert list(table["makespan"]) == [24.0, 7.0, 4.0] and list(table["speed_up"]) == [1.0, 3.43, 6.0]
    assert set(table["critical_path"]) == {4.0} and set(table["units"]) == {24}
    text = clusters.markdown(table)
    assert "| 64 | 4.0 | 6.0 |" in text and "critical path, 4.0 min" in text


def test_an_empty_plan_takes_no_time() -> None:
    schedule = simulate(REQUEST, (), {}, 2)
    assert schedule.makespan == schedule.idle == schedule.work == 0.0 and critical_path((), {}) == ()
