"""Stages of a set inherit through the journal: any number of workers, and a run that goes on, give the same rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from support.tiny import Linear, labelled
from support.watched_jobs import jobs_and_units

import bench
from attacks.inheritance import Levels, Reached
from attacks.threats.linf import Linf
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings, Tick
from bench.tasks.classification.units import DecisionOutcome
from bench.tasks.inheritance import handed_down, inherited, read, written
from bench.tasks.unit import stage_key

MODEL = Linear()
DATA = labelled(MODEL, 40, wrong=4)
ASKED: dict[str, Any] = {"attack": "standard", "eps": "0.02", "data": DATA}


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    return bench.evaluate(MODEL, **ASKED).rows


def test_points_survive_as_text() -> None:
    x = torch.rand(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    levels = Levels.of(x + 0.1 * (x - 0.5), x)
    again = read(written(levels), x)
    assert torch.equal(again.steps, levels.steps) and torch.equal(again.largest, levels.largest)
    assert read([], x).steps.shape == (0, 1, 3, 3)


@pytest.mark.parametrize(
    "text", ["", "0x1p-3:", "0x1p-3:eJxjYGBgAAAABAAB", "0x1p-3:é", "x:eJxjYGBgAAAABAAB", "0x1p9999:eJxjYGBgAAAABAAB"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read([text], torch.zeros(1, 1, 3, 3))


def outcome(rows: list[int], margin: list[float], status: str = "ok") -> DecisionOutcome:
    columns: dict[str, Any] = {name: [0] * len(rows) for name in ("forwards", "backwards", "zero_gradients", "adv_pred")}
    rates = {name: [1.0] * len(rows) for name in ("norm_value", "robust", "selection", "robust_8bit")}
    words = {"adv_sha256": [""] * len(rows), "unstable": [False] * len(rows), "status": [status] * len(rows)}
    return DecisionOutcome(rows=rows, margin=margin, seconds=0.0, **columns, **rates, **words)


def test_only_what_is_better_and_stands_is_handed_down() -> None:
    x, threat = torch.full((4, 1, 3, 3), 0.5), Linf(eps=0.1)
    first = outcome([0, 1, 3], [-1.0, -2.0, -3.0])
    first = replace(first, handed_down=handed_down(first, x[[0, 1, 3]] + 0.1, x, Reached.nothing(x), {0, 1}))
    assert [bool(text) for text in first.handed_down] == [True, True, False]
    reached = inherited([first], x, threat)
    assert reached.margin.tolist() == [-1.0, -2.0, -torch.inf, -torch.inf]
    torch.testing.assert_close(reached.points[:2], x[:2] + 0.1)
    later = outcome([0, 1], [-1.5, -1.5])
    later = replace(later, handed_down=handed_down(later, x[:2] - 0.1, x, reached, {0, 1}))
    assert [bool(text) for text in later.handed_down] == [False, True]
    torch.testing.assert_close(inherited([first, later], x, threat).points[:2], torch.stack([x[0] + 0.1, x[1] - 0.1]))
    outside = outcome([0], [0.5], status="out_of_ball")
    assert handed_down(outside, x[:1] + 1, x, reached, {0}) == [""]


def test_a_stage_starts_from_the_smallest_margin_of_the_stages_before() -> None:
    request = resolve(Settings(model=MODEL, **ASKED))
    jobs, units = jobs_and_units(request)
    heirs = [number for number, stage in enumerate(request.stages[0]) if stage.attack.inherits]
    assert heirs and all((job.inherited is not None) == (job.key.stage in heirs) for job in jobs.values())
    last = jobs[stage_key(0, 0.02, 0, heirs[-1])]
    assert last.inherited is not None and len(last.rows) > 5
    earlier = [units[stage_key(0, 0.02, 0, stage)] for stage in range(heirs[-1])]
    with torch.no_grad():
        logits = MODEL.eval()(last.inherited)
    labels = last.shard.labels[last.rows]
    lead = logits.gather(1, labels[:, None])[:, 0] - logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    for row, left in zip(last.rows, lead.tolist(), strict=True):
        margins = [o.margin[o.rows.index(row)] for o in earlier if isinstance(o, DecisionOutcome) and row in o.rows]
        assert left == pytest.approx(-max(margins), abs=2e-3)  # levels of the point


@pytest.mark.slow
def test_rows_do_not_depend_on_the_number_of_workers() -> None:
    two_radii = ASKED | {"eps": "0.01,0.02"}
    alone = bench.evaluate(MODEL, **two_radii).rows
    pd.testing.assert_frame_equal(bench.evaluate(MODEL, **two_radii, workers=2).rows, alone)


@pytest.mark.parametrize("stop", [5, 7])
def test_a_run_that_goes_on_inherits_from_the_journal(stop: int, alone: pd.DataFrame, tmp_path: Path) -> None:
    def after(tick: Tick) -> None:
        if tick.done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.evaluate(MODEL, **ASKED, out=tmp_path, on_tick=after)
    ticks: list[Tick] = []
    resumed = bench.evaluate(MODEL, **ASKED, out=tmp_path, on_tick=ticks.append)
    assert sum(tick.reused for tick in ticks) == stop
    pd.testing.assert_frame_equal(resumed.rows, alone)
