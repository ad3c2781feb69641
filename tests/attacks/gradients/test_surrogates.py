"""Surrogate slopes against their formulas and areas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from attacks.gradients.surrogates import SURROGATES, Surrogate

Formula = Callable[[str], Callable[[Tensor, float], Tensor]]
each = pytest.mark.parametrize("name", SURROGATES)
DEFAULTS = {
    "rectangle": 1.0,
    "triangle": 1.0,
    "atan": 0.5,
    "sigmoid": 0.25,
    "fast_sigmoid": 0.04,
    "exponential": 1.0,
    "gaussian": 0.5,
    "straight_through": 1.0,
}


@each
@pytest.mark.parametrize("width", [None, 0.3, 2.0])
@pytest.mark.parametrize("threshold", [1.0, 0.5, 3.0])
def test_the_slope_is_its_formula(name: str, width: float | None, threshold: float, formula: Formula) -> None:
    u = torch.linspace(-3.01, 5, 1001, dtype=torch.float64)
    expected = formula(name)((u - threshold) / threshold, width or DEFAULTS[name]) / threshold
    torch.testing.assert_close(Surrogate(name, width).derivative(u, threshold), expected, rtol=1e-12, atol=1e-14)


@each
@pytest.mark.parametrize("width", [0.1, 0.7, 3.0])
@pytest.mark.parametrize("threshold", [1.0, 0.4])
def test_the_slope_integrates_to_its_documented_area(name: str, width: float, threshold: float) -> None:
    if name == "straight_through":
        assert bool((Surrogate(name, width).derivative(torch.linspace(-9, 9, 50)) == 1).all())
        return
    t = torch.linspace(-16, 16, 200_001, dtype=torch.float64)
    u = threshold * (1 + width * torch.sinh(t))
    area = torch.trapezoid(Surrogate(name, width).derivative(u, threshold), u)
    assert float(area) == pytest.approx(2 * width if name in ("exponential", "fast_sigmoid") else 1.0, rel=1e-3)


@each
def test_the_slope_is_symmetric_highest_at_the_threshold_and_never_negative(name: str) -> None:
    x = torch.linspace(0, 4, 101, dtype=torch.float64)
    right, left = (Surrogate(name).derivative(1 + sign * x) for sign in (1, -1))
    torch.testing.assert_close(right, left, rtol=1e-9, atol=1e-12)
    assert bool((right.diff() <= 1e-15).all()) and bool((right >= 0).all())
    assert float(right[0]) > 0


def test_the_rectangle_and_the_triangle_end_where_their_width_says() -> None:
    u = torch.tensor([0.71, 0.69, 1.29, 1.31])
    assert (Surrogate("rectangle", 0.6).derivative(u) > 0).tolist() == [True, False, True, False]
    assert (Surrogate("triangle", 0.3).derivative(u) > 0).tolist() == [True, False, True, False]


@each
def test_the_slope_overwrites_its_argument_and_the_derivative_does_not(name: str) -> None:
    u = torch.linspace(-1, 3, 33, dtype=torch.float64)
    kept, overwritten = u.clone(), u.clone()
    derivative = Surrogate(name).derivative(kept, 0.8)
    assert torch.equal(kept, u)
    slope = Surrogate(name).slope_(overwritten, 0.8)
    assert slope.data_ptr() == overwritten.data_ptr()
    assert torch.equal(overwritten, derivative)


@each
def test_single_precision_is_enough_far_from_the_threshold(name: str, formula: Formula) -> None:
    u = torch.tensor([-1e4, -50.0, 50.0, 1e4])
    slope = Surrogate(name).derivative(u)
    assert bool(slope.isfinite().all())
    expected = formula(name)(u.double() - 1, DEFAULTS[name])
    torch.testing.assert_close(slope.double(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("wrong", [("nonsense", None), ("atan", 0.0), ("atan", -1.0), ("atan", float("inf"))])
def test_unknown_names_and_widths_are_refused(wrong: tuple[str, float | None]) -> None:
    with pytest.raises(ValueError):
        Surrogate(*wrong)
    with pytest.raises(ValueError):
        Surrogate("atan", float("nan"))
