"""The ball and the box, and the unit step of steepest ascent."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attacks.projections import project, steepest
from attacks.threat import Norm, Threat, per_row, row_norm

quick = settings(deadline=None, max_examples=60, derandomize=True)

norms = st.sampled_from(["linf", "l2"])
shapes = st.sampled_from([(1,), (7,), (3, 1, 5), (1, 2, 3, 4), (2, 1, 1, 1, 3)])
dtypes = st.sampled_from([torch.float32, torch.float64])
radii = st.one_of(st.just(0.0), st.floats(1e-4, 5.0))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, Threat]:
    """Somewhere to go, a clean batch in a box, and a threat."""
    shape, dtype = draw(shapes), draw(dtypes)
    low, width = draw(st.sampled_from([(0.0, 1.0), (-1.0, 2.0), (0.25, 0.5)]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    rows = draw(st.integers(1, 4))
    x = low + width * torch.rand(rows, *shape, generator=generator, dtype=dtype)
    x = torch.where(torch.rand(x.shape, generator=generator) < 0.2, low, x)
    far = x + draw(st.sampled_from([1e-3, 0.1, 1.0, 100.0])) * torch.randn(x.shape, generator=generator, dtype=dtype)
    return far, x, Threat(norm=draw(norms), eps=draw(radii), low=low, high=low + width)


@quick
@given(problems())
def test_the_result_is_in_ball_and_box(problem: tuple[Tensor, Tensor, Threat]) -> None:
    far, x, threat = problem
    near = project(far, x, threat)
    assert near.shape == x.shape and near.dtype == x.dtype
    assert bool((row_norm(near.double() - x.double(), threat.norm) <= threat.eps + 1e-6).all())
    assert threat.low <= float(near.min()) and float(near.max()) <= threat.high


@quick
@given(problems())
def test_projecting_twice_is_projecting_once(problem: tuple[Tensor, Tensor, Threat]) -> None:
    far, x, threat = problem
    once = project(far, x, threat)
    torch.testing.assert_close(project(once, x, threat), once, rtol=0, atol=1e-6)


@quick
@given(problems())
def test_feasible_points_stay(problem: tuple[Tensor, Tensor, Threat]) -> None:
    far, x, threat = problem
    inside = (x + 0.999 * (project(far, x, threat) - x)).clamp(threat.low, threat.high)
    torch.testing.assert_close(project(inside, x, threat), inside, rtol=0, atol=1e-6)


@quick
@given(problems())
def test_a_radius_of_zero_gives_the_clean_input_bit_for_bit(problem: tuple[Tensor, Tensor, Threat]) -> None:
    far, x, threat = problem
    still = Threat(norm=threat.norm, eps=0.0, low=threat.low, high=threat.high)
    assert torch.equal(project(far, x, still), x)


@quick
@given(problems())
def test_a_radius_per_row_is_the_same_as_one_for_all(problem: tuple[Tensor, Tensor, Threat]) -> None:
    far, x, threat = problem
    eps = torch.full((len(x),), float(threat.eps), dtype=torch.float64)
    per_sample = Threat(norm=threat.norm, eps=eps, low=threat.low, high=threat.high)
    assert torch.equal(project(far, x, per_sample), project(far, x, threat))


@quick
@given(problems(), st.data())
def test_rows_do_not_see_each_other(problem: tuple[Tensor, Tensor, Threat], data: st.DataObject) -> None:
    far, x, threat = problem
    eps = torch.linspace(0.01, 1, len(x), dtype=torch.float64)
    mixed = Threat(norm=threat.norm, eps=eps, low=threat.low, high=threat.high)
    index = torch.tensor(data.draw(st.permutations(range(len(x)))))
    moved = project(far[index], x[index], mixed.rows(index))
    torch.testing.assert_close(moved, project(far, x, mixed)[index], rtol=0, atol=1e-6)


def test_linf_gives_the_nearest_point_of_ball_and_box() -> None:
    x = torch.tensor([[0.0, 0.5, 0.95]])
    far = torch.tensor([[-1.0, 0.72, 2.0]])
    torch.testing.assert_close(project(far, x, Threat(eps=0.1)), torch.tensor([[0.0, 0.6, 1.0]]))


def test_l2_scales_towards_the_centre() -> None:
    x = torch.full((1, 2), 0.5)
    far = x + torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(project(far, x, Threat(norm="l2", eps=0.1)), torch.tensor([[0.56, 0.58]]))


@quick
@given(norms, shapes, dtypes, st.floats(-36, 36), st.integers(0, 2**31))
def test_steepest_has_length_one_whatever_the_gradients_scale(
    norm: Norm, shape: tuple[int, ...], dtype: torch.dtype, exponent: float, seed: int
) -> None:
    gradient = torch.randn(3, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 10.0**exponent
    step = steepest(gradient, Threat(norm=norm, eps=1.0))
    torch.testing.assert_close(row_norm(step, norm), torch.ones(3, dtype=dtype), rtol=1e-5, atol=0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_zero_gradient_has_no_direction(norm: Norm) -> None:
    gradient = torch.tensor([[0.0, 0.0], [3.0, -4.0]])
    step = steepest(gradient, Threat(norm=norm, eps=1.0))
    expected = {"linf": [1.0, -1.0], "l2": [0.6, -0.8]}[norm]
    torch.testing.assert_close(step, torch.tensor([[0.0, 0.0], expected]))


@quick
@given(norms, st.integers(0, 2**31))
def test_no_unit_step_gains_more_than_the_steepest(norm: Norm, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    gradient = torch.randn(1, 6, generator=generator, dtype=torch.float64)
    others = torch.randn(50, 6, generator=generator, dtype=torch.float64)
    others = others / per_row(row_norm(others, norm), others)
    gain = (gradient * steepest(gradient, Threat(norm=norm, eps=1.0))).sum()
    assert float((gradient * others).sum(1).max()) <= float(gain) + 1e-12


@pytest.mark.parametrize(
    "wrong",
    [{"eps": -0.1}, {"eps": torch.tensor([0.1, -0.1])}, {"eps": 0.1, "norm": "l1"}, {"eps": 0.1, "low": 1.0}],
)
def test_a_threat_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Threat(**wrong)  # type: ignore[arg-type]


def test_a_radius_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError):
        Threat(eps=float("nan"))
