"""Clean and noise answers are computed once for a model, and again wherever they might differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.tiny import Linear, labelled

import bench
from bench.evaluation.baselines import FOLDER
from bench.evaluation.request.settings import Tick

MODEL = Linear()
DATA = labelled(MODEL, 20, wrong=2)


def evaluated(out: Path | None = None, **asked: Any) -> tuple[pd.DataFrame, int]:
    """Rows of an evaluation, and how many of its units were read instead of computed."""
    ticks: list[Tick] = []
    settings: dict[str, Any] = {"model": MODEL, "data": DATA, "attack": "pgd:steps=2", "eps": "0.1"} | asked
    record = bench.evaluate(**settings, out=out, on_tick=ticks.append)
    return record.rows, sum(tick.reused for tick in ticks)


def test_the_next_attack_reads_them(tmp_path: Path) -> None:
    assert evaluated(tmp_path)[1] == 0
    rows, reused = evaluated(tmp_path, attack="mifgsm:steps=2")
    assert reused == 2
    pd.testing.assert_frame_equal(rows, evaluated(attack="mifgsm:steps=2")[0])


def test_more_draws_of_noise_are_drawn_and_fewer_are_there(tmp_path: Path) -> None:
    evaluated(tmp_path, attack="pgd:steps=4")
    rows, reused = evaluated(tmp_path, attack="pgd:steps=2")
    assert reused == 2
    pd.testing.assert_frame_equal(rows, evaluated()[0])
    rows, reused = evaluated(tmp_path, attack="pgd:steps=6")
    assert reused == 1
    pd.testing.assert_frame_equal(rows, evaluated(attack="pgd:steps=6")[0])


def test_another_radius_needs_other_noise(tmp_path: Path) -> None:
    evaluated(tmp_path)
    assert evaluated(tmp_path, eps="0.2")[1] == 1
    assert evaluated(tmp_path, eps="0.1,0.2")[1] == 3


@pytest.mark.parametrize(
    "changed",
    [{"model": Linear(seed=1)}, {"data": labelled(MODEL, 20, wrong=3)}, {"seed": 1}, {"norm": "l2"}, {"eight_bit": True}],
    ids=["weights", "data", "seed", "norm", "eight bit"],
)
def test_what_may_change_them_changes_where_they_lie(changed: dict[str, Any], tmp_path: Path) -> None:
    evaluated(tmp_path)
    assert evaluated(tmp_path, **changed)[1] == 0


def test_fresh_computes_them_again(tmp_path: Path) -> None:
    evaluated(tmp_path)
    assert evaluated(tmp_path, attack="fgsm", fresh=True)[1] == 0


@pytest.mark.parametrize("damage", [b"", b"{", b'{"data": {}, "sha256": ""}', b"[]", b"null", b"[" * 100_000])
def test_a_damaged_file_is_as_good_as_absent(damage: bytes, tmp_path: Path) -> None:
    expected, _ = evaluated(tmp_path)
    for path in (tmp_path / FOLDER).rglob("clean-*.json"):
        path.write_bytes(damage)
    rows, reused = evaluated(tmp_path, attack="pgd:steps=2,keep=best")
    assert reused == 0  # noise without the clean answers of its shard is not read either
    assert list(rows["clean_pred"]) == list(expected["clean_pred"])


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    assert len(evaluated(tmp_path)[0]) == 20
