"""The best input of a sample is the first that broke it, or else the one with the highest objective."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Answer

ROWS = torch.arange(3)


def answer(value: list[float], broken: list[bool]) -> Answer:
    return Answer(torch.tensor(value), None, torch.tensor(broken))


def tried(number: float, rows: int = 3) -> Tensor:
    return torch.full((rows, 2), float(number))


@pytest.fixture
def best() -> Best:
    """Three samples: one tried without success, one broken, one broken with a low objective."""
    best = Best.starting_at(tried(0))
    best.update(tried(1), ROWS, answer([0.5, 0.9, -3.0], [False, True, True]))
    return best


def test_anything_is_better_than_nothing() -> None:
    best = Best.starting_at(tried(0))
    best.update(tried(1), ROWS, answer([-1e30, 0.0, 5.0], [False] * 3))
    assert best.inputs.tolist() == tried(1).tolist()
    assert best.standing().tolist() == [0, 1, 2]


def test_a_higher_objective_wins_and_an_equal_one_does_not(best: Best) -> None:
    best.update(tried(2, 1), ROWS[:1], answer([0.5], [False]))
    assert best.inputs[0].tolist() == [1, 1]
    best.update(tried(3, 1), ROWS[:1], answer([0.6], [False]))
    assert best.inputs[0].tolist() == [3, 3]


def test_breaking_wins_whatever_the_objective(best: Best) -> None:
    best.update(tried(2, 1), ROWS[:1], answer([-9.0], [True]))
    assert best.inputs[0].tolist() == [2, 2]
    assert best.standing().tolist() == []


def test_what_broke_a_sample_first_stays(best: Best) -> None:
    best.update(tried(2), ROWS, answer([0.0, 7.0, 7.0], [False, True, False]))
    assert best.inputs.tolist() == tried(1).tolist()
    assert best.value.tolist() == [0.5, pytest.approx(0.9), -3.0]
    assert best.standing().tolist() == [0]


def test_an_objective_that_is_not_a_number_is_no_improvement(best: Best) -> None:
    best.update(tried(2, 1), ROWS[:1], answer([float("nan")], [False]))
    assert best.inputs[0].tolist() == [1, 1]


def test_rows_are_updated_where_they_belong_and_the_clean_input_is_left_alone() -> None:
    clean = tried(0)
    best = Best.starting_at(clean)
    best.update(torch.tensor([[7.0, 7.0], [8.0, 8.0]]), torch.tensor([2, 0]), answer([1.0, 1.0], [True, False]))
    assert best.inputs.tolist() == [[8, 8], [0, 0], [7, 7]]
    assert best.standing().tolist() == [0, 1]
    assert clean.tolist() == tried(0).tolist()


def test_of_several_candidates_one_without_a_number_never_wins() -> None:
    best = Best.starting_at(tried(0, 1))
    candidates = torch.stack([tried(1, 1), tried(2, 1)])
    best.update_from(candidates, ROWS[:1], answer([float("nan"), 0.5], [False, False]))
    assert best.inputs.tolist() == tried(2, 1).tolist()
