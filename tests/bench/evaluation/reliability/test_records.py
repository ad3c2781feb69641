"""Checks of a record: what is held against a number, and what is not."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from attacks.base import Stage
from attacks.pgd import PGD
from attacks.square import Square
from bench.tasks.checks import concluded
from bench.tasks.classification.checks import _attacked_rows, _blind_search, _gradients, _noise, _radii
from bench.tasks.classification.results import Cell, StageResult
from bench.tasks.results import Check, Interval


def interval(value: float) -> Interval:
    return Interval(value=value, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1), n=100)


def cell(attack: str, eps: float, robust: float, *, noise: float = 0.9) -> Cell:
    return Cell(
        attack=attack,
        eps=eps,
        eps_text=f"{eps:g}",
        clean=interval(0.95),
        noise=interval(0.9),
        noise_best=interval(noise),
        noise_draws=11,
        robust=interval(robust),
        robust_8bit=interval(robust),
        gap=interval(0.1),
        gap_best=interval(0.1),
        undecided=0,
        unstable=0,
        forwards=11,
        backwards=10,
        seconds=1.0,
    )


def only(found: object) -> Check:
    (check,) = found  # type: ignore[misc]
    return check


@pytest.mark.parametrize(
    ("spent", "stages", "status"),
    [
        (0.0, (), "pass"),
        (0.1, (), "warn"),
        (0.6, (), "fail"),
        (0.2, (0.9, 0.01), "pass"),  # one path vanishes, as some do
        (0.4, (0.9, 0.01), "warn"),  # most of the effort was blind
        (0.4, (0.9, 0.1), "warn"),
        (0.7, (0.9, 0.6), "fail"),
    ],
)
def test_gradients_that_vanish_are_told_by_the_stage_that_sees_most(
    spent: float, stages: tuple[float, ...], status: str
) -> None:
    shares = [
        StageResult(name=str(n), attempted=9, broken=0, forwards=6, backwards=5, zero_gradients=share, seconds=1)
        for n, share in enumerate(stages)
    ]
    attacked = cell("pgd", 0.1, 0.5).model_copy(update={"zero_gradients": spent, "stages": shares})
    assert only(_gradients([attacked])).status == status


@pytest.mark.parametrize(("values", "status"), [((0.5, 0.1), "pass"), ((0.5, 0.51), "warn"), ((0.5, 0.6), "fail")])
def test_accuracy_must_fall_with_the_radius(values: tuple[float, float], status: str) -> None:
    curve = [cell("pgd", eps, value) for eps, value in zip((0.1, 0.2), values, strict=True)]
    assert only(_radii(curve)).status == status
    assert only(_radii(curve[::-1])).status == status


def test_one_step_that_overshoots_is_not_held_against_the_strongest_attack() -> None:
    """FGSM with a radius of the whole box is weaker than with a small one, and weaker than noise; PGD beside it is not."""
    cells = [
        *(cell("fgsm", 0.1, 0.2), cell("pgd", 0.1, 0.1), cell("worst case", 0.1, 0.1)),
        *(cell("fgsm", 1.0, 0.4, noise=0.2), cell("pgd", 1.0, 0.0, noise=0.2), cell("worst case", 1.0, 0.0, noise=0.2)),
    ]
    assert only(_radii(cells)).status == "pass"
    assert only(_noise(cells, stochastic=False)).status == "pass"
    alone = [one for one in cells if one.attack == "fgsm"]
    assert only(_radii(alone)).status == "fail"
    assert only(_noise(alone, stochastic=False)).status == "fail"


def test_blind_noise_that_breaks_more_is_held_against_an_attack() -> None:
    assert only(_noise([cell("pgd", 0.1, 0.5, noise=0.4)], stochastic=False)).status == "fail"
    assert only(_noise([cell("pgd", 0.1, 0.405, noise=0.4)], stochastic=False)).status == "warn"
    assert only(_noise([cell("pgd", 0.1, 0.3, noise=0.4)], stochastic=False)).status == "pass"


def test_the_lowest_of_many_noisy_rates_is_not_held_against_an_attack_on_a_stochastic_model() -> None:
    """Nor is a radius of zero, at which nothing can be broken."""
    noisy = [cell("pgd", 0.1, 0.5, noise=0.4)]
    assert only(_noise(noisy, stochastic=True)).status == "pass"
    assert only(_noise([cell("pgd", 0.1, 0.95, noise=0.4)], stochastic=True)).status == "fail"
    assert list(_noise([cell("pgd", 0.0, 0.95, noise=0.4)], stochastic=False)) == []


@pytest.mark.parametrize(
    ("given", "broken", "status"),
    [(50, 0, "pass"), (50, 1, "pass"), (50, 3, "warn"), (50, 6, "fail"), (3, 1, "warn"), (3, 2, "fail"), (1, 1, "warn")],
)
def test_a_blind_search_is_held_against_the_samples_that_it_was_given(given: int, broken: int, status: str) -> None:
    """Of all samples two thirds of three would be nothing, however blind the gradients before were."""
    stages = [
        StageResult(name=name, attempted=n, broken=b, forwards=6, backwards=5, zero_gradients=0.0, seconds=1)
        for name, n, b in (("PGD", 90, 90 - given), ("Square", given, broken))
    ]
    attacked = cell("standard", 0.1, 0.5).model_copy(update={"stages": stages})
    run = tuple(Stage(name, attack) for name, attack in (("PGD", PGD()), ("Square", Square())))
    request = SimpleNamespace(attacks=[SimpleNamespace(spec="standard")], stages=[run])
    check = only(_blind_search(request, [attacked]))  # type: ignore[arg-type]
    assert (check.status, check.value) == (status, broken / given)
    assert f"{broken} of the {given} samples" in check.says


@pytest.mark.parametrize("attacked", [0, 9, 10])
def test_few_attacked_samples_bound_a_number(attacked: int) -> None:
    rows = pd.DataFrame({"sample": range(12), "verdict": ["robust"] * attacked + ["clean_wrong"] * (12 - attacked)})
    found = list(_attacked_rows(rows))
    assert [check.status for check in found] == ([] if attacked == 10 else ["bound"])


@pytest.mark.parametrize(
    ("statuses", "decisive", "verdict"),
    [
        (("pass",), True, "reliable"),
        (("pass", "warn"), True, "reliable_with_remarks"),
        (("warn", "bound"), True, "upper_bound"),
        (("warn",), False, "upper_bound"),
        (("bound", "warn", "fail"), True, "unreliable"),
    ],
)
def test_the_verdict_is_that_of_the_worst_check(statuses: tuple[str, ...], decisive: bool, verdict: str) -> None:
    checks = [
        Check.model_validate({"name": status, "status": status, "value": 1, "says": f"{status} 1"}) for status in statuses
    ]
    concluded_from = concluded(checks, decisive=decisive, why="short")
    assert concluded_from.status == verdict
    if verdict != "unreliable":
        assert ("warn 1" in concluded_from.reasons) == ("warn" in statuses)
