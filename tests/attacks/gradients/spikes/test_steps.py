"""Which functions are steps, and where their cuts are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attacks.gradients.spikes.steps import NotAStep, Step, step_of

Function = Callable[..., Tensor]


def drawn(*shape: int, scale: float = 2.0, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def step(function: Function, *inputs: Any) -> Step | None:
    return step_of(lambda given: function(*given), inputs, function(*inputs))


def as_number(passed: Tensor) -> Tensor:
    return passed.float()


STEPS: dict[str, tuple[Function, Step]] = {
    "spike at zero": (lambda u: as_number(u >= 0), Step(0, 0.0, 0.0, 1.0)),
    "spike above zero": (lambda u: as_number(u > 0), Step(0, 0.0, 0.0, 1.0)),
    "spike at a threshold": (lambda u: as_number(u >= 1.25), Step(0, 1.25, 0.0, 1.0)),
    "small threshold": (lambda u: as_number(u > 0.01), Step(0, 0.01, 0.0, 1.0)),
    "spike of the size of the threshold": (lambda u: 0.3 * as_number(u >= 0.3), Step(0, 0.3, 0.0, 0.3)),
    "sign": (lambda u: as_number(u >= 0) * 2 - 1, Step(0, 0.0, -1.0, 2.0)),
    "falling": (lambda u: as_number(u < 0.5), Step(0, 0.5, 1.0, -1.0)),
    "counts without end": (lambda u: (u / 0.5).floor().clamp_min(0), Step(0, 0.5, 0.0, 1.0, None, 0.5, None)),
    "whole numbers": (torch.floor, Step(0, 0.0, -1.0, 1.0, None, 1.0, None, endless=True)),
    "at most three": (lambda u: (u + 0.5).floor().clamp(0, 3), Step(0, 0.5, 0.0, 1.0, None, 1.0, 3)),
}


@pytest.mark.parametrize(("function", "expected"), STEPS.values(), ids=STEPS.keys())
@pytest.mark.parametrize("shape", [(3, 40), (2, 3, 4, 4), (1, 5)], ids=str)
def test_a_step_is_found(function: Function, expected: Step, shape: tuple[int, ...]) -> None:
    u = drawn(*shape)
    found = step(function, u)
    assert found is not None
    assert (found.source, found.operand, found.count, found.endless) == (0, None, expected.count, expected.endless)
    if not found.endless:  # else any cut may be the first
        assert found.cut == pytest.approx(expected.cut, abs=1e-6)
        assert found.low == pytest.approx(expected.low)
    assert found.height == pytest.approx(expected.height)
    torch.testing.assert_close(found.predicted(100 * u), function(100 * u))
    assert found.spacing == (None if expected.spacing is None else pytest.approx(expected.spacing))


@pytest.mark.parametrize(("function", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_step_says_what_the_function_says(function: Function, expected: Step) -> None:
    u = drawn(4, 50, seed=3)
    torch.testing.assert_close(expected.predicted(u), function(u))


def test_a_layer_that_stayed_silent_shows_its_cut_to_other_numbers() -> None:
    found = step(lambda u: as_number(u >= 0.9), drawn(3, 40, scale=0.1))
    assert found is not None and found.cut == pytest.approx(0.9)


def test_a_threshold_may_be_an_argument() -> None:
    thresholds = torch.tensor([0.5, 1.0, 1.5, 2.0])
    found = step(lambda u, th: as_number(u >= th), drawn(30, 4), thresholds)
    assert found is not None and (found.source, found.operand) == (0, 1)
    assert found.cut == pytest.approx(0.0, abs=1e-6)
    single = step(lambda u, th: as_number(u - th > 0), drawn(30, 4), torch.tensor(0.7))
    assert single is not None and single.operand == 1


def test_numbers_beside_the_potential_are_no_thresholds_unless_they_move_the_cut() -> None:
    sharpness = step(lambda u, alpha: as_number(u >= 0), drawn(30, 4), torch.tensor(100.0))
    assert sharpness is not None and sharpness.operand is None
    plain = step(lambda u, th, name: as_number(u >= th), drawn(30, 4), 0.4, "atan")
    assert plain is not None and (plain.operand, plain.cut) == (None, pytest.approx(0.4))


@pytest.mark.parametrize(
    "function",
    [torch.relu, torch.sigmoid, lambda u: u, lambda u: u * (u > 0), lambda u: u.sum(1), lambda u: u.argmax(1)],
    ids=["relu", "sigmoid", "identity", "mask times number", "sum", "whole numbers"],
)
def test_what_is_no_step_is_none(function: Function) -> None:
    assert step(function, drawn(3, 200)) is None


def test_a_function_that_hands_on_spikes_makes_none() -> None:
    assert step(lambda u: u.clone(), as_number(drawn(3, 200) > 0)) is None


@pytest.mark.parametrize(
    ("function", "inputs", "reason"),
    [
        (lambda u: torch.bernoulli(torch.sigmoid(u)), (drawn(3, 200),), "differently"),
        (lambda v, x: as_number(0.8 * v + x >= 1), (drawn(3, 200), drawn(3, 200, seed=1)), "no cut of a single input"),
        (lambda u: as_number(u.abs() > 1), (drawn(3, 200),), "no cut of a single input"),
        (lambda u: as_number(u == u.amax(1, keepdim=True)), (drawn(3, 200),), "no cut of a single input"),
        (lambda x: as_number(x.cumsum(0)[-1] > 1), (drawn(3, 200),), "no input has the shape"),
    ],
    ids=["random", "two inputs", "two-sided", "winner takes all", "all steps at once"],
)
def test_what_takes_few_values_without_one_cut_is_told(function: Function, inputs: tuple[Tensor, ...], reason: str) -> None:
    with pytest.raises(NotAStep, match=reason):
        step(function, *inputs)


def test_of_several_cuts_the_nearest_counts() -> None:
    at_most_three = Step(0, 0.5, 0.0, 1.0, None, 1.0, 3)
    u = torch.tensor([-2.0, 0.3, 0.9, 1.4, 2.6, 9.0])
    torch.testing.assert_close(at_most_three.nearest(u), torch.tensor([-2.0, 0.3, 0.9, 0.4, 0.6, 7.0]))
    without_end = Step(0, 0.5, 0.0, 1.0, None, 1.0, None)
    assert float(without_end.nearest(torch.tensor([9.2]))) == pytest.approx(0.2)
    assert torch.equal(Step(0, 0.5, 0.0, 1.0).nearest(u), u)
