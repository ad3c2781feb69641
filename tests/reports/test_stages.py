"""Stages are chosen by what falls in an evaluation, in an order that follows from the table alone."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest
import torch

import bench
from bench.data import load_samples
from reports import corner_searches, leftovers, set_stages, stages
from reports import trial as trials
from reports.stages import falls, greedy
from reports.trial import Trial

N = 12


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Trial:
    """On test images, which ship here; validation images do not."""
    monkeypatch.setattr(trials, "load_samples", lambda name, *, split, n: load_samples(name, n=n))
    return Trial.of("snn_gsr", "2/255", N)


def test_a_trial_sees_what_an_evaluation_sees(trial: Trial) -> None:
    rows = bench.evaluate("zoo:snn_gsr", attack="pgd:steps=3", eps="2/255", n=N).rows
    right = rows[rows["verdict"] != "clean_wrong"]
    assert trial.ids.tolist() == right["sample"].tolist()
    broken = trial.broken(trial.stage("pgd:steps=3", "training"))
    assert broken.tolist() == (right["verdict"] == "broken").tolist()
    assert 0 < broken.sum() < len(broken)
    some = torch.tensor([5, 0, 3])
    assert torch.equal(trial.among(some).broken(trial.stage("pgd:steps=3", "training")), broken[some])


def test_what_is_left_is_counted_once(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trial, "fitting", lambda trial, attack: (trial.stage(attack, "training"),))
    searches = (("pgd:steps=3", "training"), ("pgd:steps=3", "bptr"))
    monkeypatch.setattr(leftovers, "SEARCHES", searches)
    found = leftovers.rows("snn_gsr", "2/255", N, attack="uniform")
    left = trial.among((~trial.broken(trial.stage("uniform", "training"))).nonzero()[:, 0])
    fallen = [left.broken(left.stage(*search)) for search in searches]
    assert [row["breaks"] for row in found] == [int(one.sum()) for one in fallen]
    assert {row["standing"] for row in found} == {len(left.y)}
    assert {row["after all"] for row in found} == {int((~(fallen[0] | fallen[1])).sum())}


def test_the_stages_of_a_set_add_up(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = [("pgd:steps=2", "training"), ("corners:queries=30", "assg")]
    monkeypatch.setattr(Trial, "fitting", lambda trial, attack: tuple(trial.stage(*search) for search in searches))
    table = list(set_stages.rows("snn_gsr", "2/255", N, ("any",)))
    first, second, together = table
    assert first["attempted"] == together["attempted"] == len(trial.y)
    assert second["attempted"] == len(trial.y) - first["broken"]
    assert together["broken"] == first["broken"] + second["broken"]
    assert second["broken"] or second["forwards"] == 30 - second["pairs"]
    assert second["stage"] == "corners:queries=30 along assg"
    assert together["broken"] == len(trial.y) - len(trial.after(trial.fitting("any")).rows)


def test_searches_of_corners_start_where_walks_end(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = trial.stage("pgd:steps=3", "training")
    monkeypatch.setattr(Trial, "fitting", lambda trial, attack: (walk, trial.stage("corners:queries=9", "assg")))
    monkeypatch.setattr(corner_searches, "SEARCHES", ("corners:queries=1", "corners:queries=40"))
    still, search = corner_searches.rows("snn_gsr", "2/255", N, first=0)
    standing = trial.after([walk])
    assert still["standing"] == search["standing"] == len(standing.rows)
    assert (still["breaks"], still["forwards"]) == (0, 1.0)
    assert search["margin"] >= still["margin"]


def test_a_trial_may_begin_later(trial: Trial) -> None:
    later = Trial.of("snn_gsr", "2/255", N - 4, first=4)
    kept = trial.ids >= 4
    assert torch.equal(later.ids, trial.ids[kept]) and torch.equal(later.x, trial.x[kept])
    assert torch.equal(later.rng.keys, trial.rng.keys[kept])


def test_where_nothing_stands_further_searches_break_nothing(trial: Trial) -> None:
    none = trial.among(torch.zeros(0, dtype=torch.int64))
    assert none.broken(none.stage("pgd:steps=3", "training")).tolist() == []
    standing = none.after([none.stage("pgd:steps=3", "training")])
    assert (len(standing.rows), standing.runs) == (0, ())


@pytest.mark.parametrize(
    ("norm", "attack", "name"),
    [
        ("linf", "standard", "leftovers.csv"),
        ("l2", "standard", "leftovers_l2.csv"),
        ("linf", "standard@4", "leftovers_standard_4.csv"),
        ("l2", "standard@4", "leftovers_standard_4_l2.csv"),
    ],
)
def test_each_set_has_a_table_of_its_own(norm: str, attack: str, name: str) -> None:
    assert leftovers.file_name(norm, attack) == name


def test_the_order_is_that_of_gain_per_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = (("pgd:steps=20", "training"), ("pgd:steps=10", "bptr"), ("sapgd:steps=50", "assg"))
    monkeypatch.setattr(stages, "CANDIDATES", candidates)
    names = [f"{attack} along {path}" for attack, path in candidates]
    table = partial(pd.DataFrame, columns=names, index=range(4))
    found = {
        ("one", "2/255"): table([[1, 1, 0], [1, 0, 1], [1, 0, 1], [0, 0, 1]]).astype(bool),
        ("two", "4/255"): table([[0, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 0]]).astype(bool),
    }
    chosen = greedy(found)
    # Shares per pair: 1.0 / 20, 0.25 / 10 and 1.5 / 50; after the first, 0 / 10 and 0.75 / 50.
    assert chosen["stage"].tolist() == [names[0], names[2], names[1]]
    assert chosen["pairs"].tolist() == [20, 50, 10]
    assert chosen["one 2/255 so far"].tolist() == [25.0, 0.0, 0.0]
    assert chosen["two 4/255 so far"].tolist() == [75.0, 25.0, 25.0]
    assert chosen["one 2/255 alone"].tolist() == [25.0, 25.0, 75.0]


def test_what_is_known_of_other_samples_is_computed_again(trial: Trial) -> None:
    pairs = (("fgsm", "training"),)
    measured = falls(trial, pd.DataFrame(), pairs)
    other = ~measured
    assert falls(trial, other, pairs).equals(other)
    assert falls(trial, other[1:], pairs).equals(measured)
    assert falls(trial, other.set_index(other.index + 1), pairs).equals(measured)
