"""The table by which the stages on scores were chosen measures what an evaluation measures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import bench
from attacks.base import Stage
from bench.data import load_samples
from reports import score_stages
from reports.score_stages import ScoreTrial

NAME, EPS, N = "iqa_dbcnn", "2/255", 3


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> ScoreTrial:
    """On test images, which ship here; validation images do not."""
    monkeypatch.setattr(score_stages, "load_samples", lambda name, *, split: load_samples(name, n=N))
    return ScoreTrial.of(NAME, EPS, N)


def test_a_trial_sees_what_an_evaluation_sees(trial: ScoreTrial) -> None:
    record = bench.evaluate(f"zoo:{NAME}", attack="pgd:steps=3", eps=EPS, n=N)
    moved = trial.after(trial.stages("pgd:steps=3"))
    assert moved.shift["up"].tolist() == pytest.approx(record.rows["shift_up"].tolist(), abs=1e-3)
    assert (-moved.shift["down"]).tolist() == pytest.approx(record.rows["shift_down"].tolist(), abs=1e-3)
    figures, (result,) = trial.figures(moved), record.shifts
    assert figures["shift"] == pytest.approx(result.in_ranges.value, abs=1e-3)
    assert figures["clipped"] == pytest.approx(result.clipped.value, abs=1e-3)


def test_what_comes_after_never_lowers_a_shift_and_begins_where_it_was(trial: ScoreTrial) -> None:
    first = trial.after(trial.stages("pgd:steps=2"))
    second = trial.after(trial.stages("warm_apgd:steps=4"), first)
    alone = trial.after(trial.stages("warm_apgd:steps=4"))
    for way in ("up", "down"):
        assert (second.shift[way] >= first.shift[way]).all()
        assert not torch.equal(second.shift[way], torch.maximum(first.shift[way], alone.shift[way]))


@pytest.mark.slow
def test_a_row_compares_with_standard(trial: ScoreTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_stages, "load_samples", lambda name, *, split: load_samples(name, n=N))
    monkeypatch.setattr(ScoreTrial, "stages", _short(ScoreTrial.stages))
    table = list(score_stages.rows(NAME, EPS, N))
    assert [row["search"] for row in table][:2] == ["standard", "standard@4"]
    first, last = table[0], table[-1]
    assert first["rise"] == 0 and last["pairs"] == 2
    assert float(str(last["clipped"])) >= float(str(first["clipped"])) > 0


def _short(stages: Callable[[ScoreTrial, str], tuple[Stage, ...]]) -> Callable[[ScoreTrial, str], tuple[Stage, ...]]:
    return lambda trial, spec: stages(trial, "warm_apgd:steps=1" if spec.startswith("warm") else "apgd:steps=1")
