"""Checks of a record: what is held against a number, and what is not."""

from __future__ import annotations

import pytest

from bench.tasks.classification.checks import _gradients, _noise, _radii
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
