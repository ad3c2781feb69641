"""How far an attack has come to an end: what it broke late, and how near it came to what it left."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench.tasks.classification.board import _again
from bench.tasks.classification.convergence import _check, broken_late, fallen_after, late_shares
from bench.tasks.classification.results import Cell, StageResult
from bench.tasks.classification.units import DecisionOutcome
from bench.tasks.results import Interval


def stage(name: str, forwards: float, broken: int, attempted: int = 50) -> StageResult:
    return StageResult(
        name=name,
        attempted=attempted,
        broken=broken,
        forwards=forwards,
        backwards=0.0,
        zero_gradients=0.0,
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("costs", "shares"),
    [
        ((10, 10, 10), (0, 0, 1)),
        ((10, 20), (0, 0.5)),
        ((40, 10, 10), (0.0, 1, 1)),
        ((30, 10, 5), (0.0, 1.0, 1)),
        ((0, 0), (0, 0)),
        ((6,), (1 / 3,)),
        ((), ()),
    ],
)
def test_the_last_third_of_what_a_survivor_costs(costs: tuple[float, ...], shares: tuple[float, ...]) -> None:
    found = late_shares([stage(str(number), cost, 0) for number, cost in enumerate(costs)])
    assert found == pytest.approx(list(shares))


def test_samples_of_a_stage_that_lies_half_in_it_count_half() -> None:
    assert broken_late([stage("a", 10, 7), stage("b", 20, 4)]) == pytest.approx(2)


def costs_of(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["verdict", "forwards", "backwards"])


def test_a_sample_falls_late_by_its_own_cost() -> None:
    stand = (("robust", 200, 50), ("robust", 300, 50))  # 300 on average: the last third begins at 200
    fallen = (("broken", 150, 50), ("broken", 190, 11), ("broken", 500, 100), ("clean_wrong", 0, 0))
    assert fallen_after(costs_of(*stand, *fallen), 2 / 3) == 2
    assert fallen_after(costs_of(*stand, *fallen), 1 / 3) == 3


def test_where_nothing_stands_or_nothing_fell_nothing_fell_late() -> None:
    assert fallen_after(costs_of(("broken", 10, 0), ("clean_wrong", 0, 0)), 1 / 3) == 0
    assert fallen_after(costs_of(("robust", 10, 10), ("clean_wrong", 0, 0)), 1 / 3) == 0


def cell(stages: list[StageResult], robust: float) -> Cell:
    same = Interval(value=robust, low=robust, high=robust, n=100)
    every = dict.fromkeys(("clean", "noise", "noise_best", "robust", "robust_8bit", "gap", "gap_best"), same)
    numbers: dict[str, Any] = {"noise_draws": 1, "undecided": 0, "unstable": 0, "forwards": 1, "backwards": 0, "seconds": 1}
    return Cell(attack="standard", eps=0.1, eps_text="0.1", stages=stages, **every, **numbers)


def outcome(rows: list[int], margin: list[float]) -> DecisionOutcome:
    costs: dict[str, Any] = {name: [0] * len(rows) for name in ("forwards", "backwards", "zero_gradients", "adv_pred")}
    rates = {name: [1.0] * len(rows) for name in ("norm_value", "robust", "selection", "robust_8bit")}
    words: dict[str, Any] = {"adv_sha256": [""] * len(rows), "unstable": [False] * len(rows), "status": ["ok"] * len(rows)}
    return DecisionOutcome(rows=rows, margin=margin, seconds=0.0, **costs, **rates, **words)


def test_a_record_says_what_may_still_fall() -> None:
    attacked = cell([stage("walk", 10, 6), stage("corners", 5, 2)], 0.2)
    rows = pd.DataFrame({"verdict": ["robust", "robust", "broken"], "margin": [-0.25, -3.0, 0.1]})
    outcomes = [[outcome([0, 1, 2], [-0.5, -3.0, -0.1])], [outcome([0, 1, 2], [-0.25, -3.1, 0.1])]]
    check = _check(attacked, rows, outcomes)
    assert (check.status, check.value) == ("warn", pytest.approx(0.02))
    assert check.says.startswith("at 0.1 2.0% of all samples fell after the first third of standard, so that a search")
    assert "three times as long may leave 18.0 to 20.0%; " in check.says
    assert check.says.endswith(
        "the smallest margins left are 0.25, 3, and the last third lowered one by at most 0.25: 1 of 2 are no larger"
    )
    still = _check(attacked, rows, [outcomes[0], [outcome([0, 1, 2], [-0.5, -3.0, 0.1])]])
    assert still.says.endswith("the last third lowered none of them")


def test_an_attack_that_has_ended_gets_no_remark() -> None:
    attacked = cell([stage("walk", 10, 6), stage("corners", 5, 0)], 0.0)
    check = _check(attacked, pd.DataFrame({"verdict": ["broken"], "margin": [0.1]}), [[outcome([0], [0.1])], []])
    assert check.status == "pass" and "may leave" not in check.says and "margins" not in check.says
    assert cell([stage("all", 3, 90)], 0.05).further == 0.05  # no more than what stands


def test_what_is_counted_replaces_the_estimate_by_stages() -> None:
    by_stages = cell([stage("walk", 10, 6), stage("corners", 5, 2)], 0.2)
    assert by_stages.further == pytest.approx(0.02)
    assert by_stages.model_copy(update={"late": 1}).further == pytest.approx(0.01)
    assert by_stages.model_copy(update={"late": 1, "slow": 3}).further == pytest.approx(0.03)


def test_a_result_that_does_not_count_is_not_held_to_it() -> None:
    unperturbed = {"clean_correct": 1.0, "noise_1": 1.0, "noise_k": 1.0, "noise_draws": 1, "unstable": False, "status": "ok"}
    row = unperturbed | {"eps": 0.1, "eps_text": "0.1", "zero_gradients": 0, "robust_8bit": 0.0}
    stands = row | {"verdict": "robust", "robust": 1.0, "selection": 1.0, "forwards": 9, "backwards": 3}
    falls = row | {"verdict": "broken", "robust": 0.0, "selection": 0.0, "forwards": 9, "backwards": 2}
    rows, recorded = pd.DataFrame([stands, falls]), cell([stage("walk", 10, 1)], 0.5)
    assert _again(rows, recorded).late is None and _again(rows, recorded).slow is None
    assert _again(rows, recorded.model_copy(update={"late": 0})).late == 1
    assert _again(rows, recorded.model_copy(update={"slow": 0})).slow == 1
