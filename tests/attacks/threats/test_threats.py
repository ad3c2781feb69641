"""What every threat of the catalogue owes, and a further one that is registered here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.l1_ball import L1
from support.norms import row_norm
from torch import Tensor

from attacks import THREATS
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.catalogue import threat_kind, threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, entry_for

NAMES = [*(name for name in THREATS if issubclass(threat_kind(name), NormBall)), "l1"]
every_threat = pytest.mark.parametrize("name", NAMES)
shapes = st.sampled_from([(1,), (7,), (3, 1, 5), (1, 2, 3, 4), (2, 1, 1, 1, 3)])
dtypes = st.sampled_from([torch.float32, torch.float64])
radii = st.one_of(st.just(0.0), st.floats(1e-4, 5.0))


@pytest.fixture(autouse=True, scope="module")
def the_further_threat() -> Iterator[None]:
    """``l1`` is in the catalogue while these tests run."""
    THREATS["l1"] = "support.l1_ball:L1"
    yield
    del THREATS["l1"]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, dict[str, float]]:
    """Somewhere to go, a clean batch in a box, and the settings of a threat."""
    shape, dtype = draw(shapes), draw(dtypes)
    low, width = draw(st.sampled_from([(0.0, 1.0), (-1.0, 2.0), (0.25, 0.5)]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    rows = draw(st.integers(1, 4))
    x = low + width * torch.rand(rows, *shape, generator=generator, dtype=dtype)
    x = torch.where(torch.rand(x.shape, generator=generator) < 0.2, low, x)
    far = x + draw(st.sampled_from([1e-3, 0.1, 1.0, 100.0])) * torch.randn(x.shape, generator=generator, dtype=dtype)
    return far, x, {"eps": draw(radii), "low": low, "high": low + width}


Problem = tuple[Tensor, Tensor, dict[str, float]]


@every_threat
@given(problems())
def test_what_is_projected_is_in_ball_and_box(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    near = threat.project(far, x)
    assert near.shape == x.shape and near.dtype == x.dtype
    assert float(threat.excess(near, x).max()) <= 1e-6
    assert bool(threat.in_box(near).all())


@every_threat
@given(problems())
def test_projecting_twice_is_projecting_once(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    once = threat.project(far, x)
    torch.testing.assert_close(threat.project(once, x), once, rtol=0, atol=1e-6)


@every_threat
@given(problems())
def test_points_inside_stay(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    inside = (x + 0.999 * (threat.project(far, x) - x)).clamp(threat.low, threat.high)
    torch.testing.assert_close(threat.project(inside, x), inside, rtol=0, atol=1e-6)


@every_threat
@given(problems())
def test_a_radius_of_zero_gives_the_clean_input_bit_for_bit(name: str, problem: Problem) -> None:
    far, x, settings = problem
    assert torch.equal(threat_named(name, **settings).with_radius(0.0).project(far, x), x)


@every_threat
@given(problems(), st.integers(0, 2**31))
def test_random_points_are_in_ball_and_box(name: str, problem: Problem, seed: int) -> None:
    _, x, settings = problem
    threat = threat_named(name, **settings)
    drawn = threat.random(x, KeyedRng.of(seed, torch.arange(len(x))))
    assert drawn.shape == x.shape and drawn.dtype == x.dtype
    assert float(threat.excess(drawn, x).max()) <= 1e-6
    assert bool(threat.in_box(drawn).all())


@every_threat
def test_random_points_fill_the_ball(name: str) -> None:
    x = torch.full((4000, 3), 0.5, dtype=torch.float64)
    threat = threat_named(name, eps=0.2)
    drawn = threat.random(x, KeyedRng.of(0, torch.arange(4000)))
    volume = (threat.distance(drawn, x) / 0.2) ** 3
    # The mean of 4,000 uniform numbers is within 5 standard errors, 0.0046 each; their variance within 0.01.
    assert float(volume.mean()) == pytest.approx(0.5, abs=0.023)
    assert float(volume.var()) == pytest.approx(1 / 12, abs=0.01)
    assert float((drawn - x).mean(0).abs().max()) < 0.01


@every_threat
@given(problems())
def test_the_excess_is_zero_inside_and_the_distance_beyond_outside(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    excess = threat.excess(far, x)
    assert excess.shape == (len(x),) and excess.dtype == torch.float64
    distance = threat.distance(far.double(), x.double())
    outside = distance > settings["eps"]
    assert bool((excess[outside] > 0).all()) and bool((excess[~outside] == 0).all())
    torch.testing.assert_close(excess[outside], distance[outside] - settings["eps"])
    assert bool((threat.excess(x, x) == 0).all())


@every_threat
def test_the_excess_of_what_is_no_number_is_no_number(name: str) -> None:
    x = torch.zeros(2, 3)
    adv = x.clone()
    adv[1, 2] = float("nan")
    excess = threat_named(name, eps=0.1).excess(adv, x)
    assert float(excess[0]) == 0 and bool(excess[1].isnan())


@every_threat
@given(problems())
def test_bounds_say_what_projection_does(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    bounds = threat.bounds(x)
    if bounds is None:
        assert not isinstance(threat, Linf)
        return
    lowest, highest = bounds
    assert torch.equal(threat.project(far, x), torch.maximum(torch.minimum(far, highest), lowest))
    assert float(threat.excess(highest, x).max()) <= 1e-6 and float(threat.excess(lowest, x).max()) <= 1e-6


@every_threat
@given(problems())
def test_a_radius_per_row_is_the_same_as_one_for_all(name: str, problem: Problem) -> None:
    far, x, settings = problem
    threat = threat_named(name, **settings)
    per_sample = threat.with_radius(torch.full((len(x),), settings["eps"], dtype=torch.float64))
    assert torch.equal(per_sample.project(far, x), threat.project(far, x))


@every_threat
@given(problems(), st.data())
def test_rows_do_not_see_each_other(name: str, problem: Problem, data: st.DataObject) -> None:
    far, x, settings = problem
    mixed = threat_named(name, **settings).with_radius(torch.linspace(0.01, 1, len(x), dtype=torch.float64))
    index = torch.tensor(data.draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=6)))
    moved = mixed.rows(index).project(far[index], x[index])
    torch.testing.assert_close(moved, mixed.project(far, x)[index], rtol=0, atol=1e-6)


@every_threat
@given(shapes, dtypes, st.floats(-36, 36), st.integers(0, 2**31))
def test_the_steepest_step_has_norm_one_and_gains_the_dual_norm(
    name: str, shape: tuple[int, ...], dtype: torch.dtype, exponent: float, seed: int
) -> None:
    ball = as_norm_ball(threat_named(name, eps=1.0))
    gradient = torch.randn(3, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 10.0**exponent
    step = ball.steepest(gradient)
    torch.testing.assert_close(ball.norm(step), torch.ones(3, dtype=dtype), rtol=1e-5, atol=0)
    # In units of the largest entry and in float64, so that no square leaves the range.
    scaled = (gradient / per_row(gradient.flatten(1).abs().amax(1), gradient)).double()
    gain = (scaled * step.double()).flatten(1).sum(1)
    torch.testing.assert_close(gain, ball.dual_norm(scaled), rtol=1e-5, atol=0)


@every_threat
@given(st.integers(0, 2**31))
def test_no_step_of_norm_one_gains_more_than_the_steepest(name: str, seed: int) -> None:
    ball = as_norm_ball(threat_named(name, eps=1.0))
    generator = torch.Generator().manual_seed(seed)
    gradient = torch.randn(1, 6, generator=generator, dtype=torch.float64)
    others = torch.randn(50, 6, generator=generator, dtype=torch.float64)
    others = others / per_row(ball.norm(others), others)
    gain = (gradient * ball.steepest(gradient)).sum()
    assert float((gradient * others).sum(1).max()) <= float(gain) + 1e-12


@every_threat
def test_a_zero_gradient_has_no_direction(name: str) -> None:
    gradient = torch.tensor([[0.0, 0.0], [3.0, -4.0]])
    step = as_norm_ball(threat_named(name, eps=1.0)).steepest(gradient)
    expected = {"linf": [1.0, -1.0], "l2": [0.6, -0.8], "l1": [0.0, -1.0], "flicker": [0.0, -2.0]}[name]
    torch.testing.assert_close(step, torch.tensor([[0.0, 0.0], expected]))


@every_threat
@given(problems())
def test_what_is_shrunk_is_in_the_ball_and_points_the_same_way(name: str, problem: Problem) -> None:
    far, x, settings = problem
    ball, delta = as_norm_ball(threat_named(name, **settings)), far - x
    small = ball.shrink(delta)
    assert bool((ball.norm(small.double()) <= settings["eps"] * (1 + 1e-5) + 1e-12).all())
    assert bool((small * delta >= 0).all()) and bool((small.abs() <= delta.abs()).all())


@every_threat
@given(problems(), st.floats(0, 1))
def test_points_between_lie_at_their_share_of_the_distance(name: str, problem: Problem, share: float) -> None:
    far, x, settings = problem
    ball = as_norm_ball(threat_named(name, **settings))
    clean, adv = x.double(), far.double()
    between = ball.between(clean, adv, torch.full((len(x),), share, dtype=torch.float64))
    torch.testing.assert_close(ball.distance(between, clean), share * ball.distance(adv, clean))


@every_threat
@given(problems())
def test_nothing_in_the_box_is_farther_than_the_furthest_point(name: str, problem: Problem) -> None:
    far, x, settings = problem
    ball = as_norm_ball(threat_named(name, **settings))
    there = far.clamp(ball.low, ball.high)
    assert bool((ball.distance(there, x) <= ball.furthest(x) * (1 + 1e-6)).all())


@every_threat
@pytest.mark.parametrize("entries", [1, 2, 9, 3072])
def test_the_size_of_ones_is_their_norm(name: str, entries: int) -> None:
    ball = as_norm_ball(threat_named(name, eps=1.0))
    expected = float(ball.norm(torch.ones(1, entries, dtype=torch.float64)))
    assert ball.size_of_ones(entries) == pytest.approx(expected, rel=1e-12)


@every_threat
def test_a_perturbation_of_the_whole_budget_has_a_squared_size_of_about_one(name: str) -> None:
    ball = as_norm_ball(threat_named(name, eps=1.0))
    even = torch.ones(1, 3, 4, dtype=torch.float64) / ball.size_of_ones(12)
    assert float(ball.squared_size(even)) == pytest.approx(1)
    still = torch.zeros(1, 3, 4, requires_grad=True)
    ball.squared_size(still).sum().backward()
    assert still.grad is not None and bool((still.grad == 0).all())


@every_threat
def test_directions_are_centred_and_one_per_probe(name: str) -> None:
    ball, like = as_norm_ball(threat_named(name, eps=1.0)), torch.zeros(2, 3, 5, dtype=torch.float64)
    drawn = ball.directions(like, KeyedRng.of(0, torch.arange(2)), 500)
    assert drawn.shape == (2, 500, 3, 5) and drawn.dtype == like.dtype
    assert float(drawn.mean().abs()) < 5 * float(drawn.std()) / drawn.numel() ** 0.5


def test_linf_gives_the_nearest_point_of_ball_and_box() -> None:
    x = torch.tensor([[0.0, 0.5, 0.95]])
    far = torch.tensor([[-1.0, 0.72, 2.0]])
    torch.testing.assert_close(Linf(eps=0.1).project(far, x), torch.tensor([[0.0, 0.6, 1.0]]))


def test_l2_scales_towards_the_centre() -> None:
    x = torch.full((1, 2), 0.5)
    far = x + torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(L2(eps=0.1).project(far, x), torch.tensor([[0.56, 0.58]]))


@pytest.mark.parametrize("name", ["linf", "l2"])
@given(problems())
def test_distances_are_the_norms_of_the_literature(name: str, problem: Problem) -> None:
    far, x, settings = problem
    assert torch.equal(threat_named(name, **settings).distance(far, x), row_norm(far - x, name))


@every_threat
@pytest.mark.parametrize(
    "wrong", [{"eps": -0.1}, {"eps": torch.tensor([0.1, -0.1])}, {"eps": 0.1, "low": 1.0}, {"eps": float("nan")}]
)
def test_a_threat_that_makes_no_sense_is_refused(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        threat_named(name, **wrong)  # type: ignore[arg-type]


def test_a_name_that_nothing_has_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown threat 'l3'; known: linf, l2"):
        threat_named("l3", eps=0.1)


@every_threat
def test_a_threat_says_what_it_is(name: str) -> None:
    kind = threat_kind(name)
    assert kind.name == name and kind.text and kind.display_scale > 0


class Clumsy(Threat):
    """A threat without a norm."""

    name = "clumsy"
    text = "anything goes"

    def project(self, adv: Tensor, x: Tensor) -> Tensor:
        return adv

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        return x

    def distance(self, adv: Tensor, x: Tensor) -> Tensor:
        return (adv != x).flatten(1).sum(1).to(x)


def test_a_threat_need_not_be_a_norm() -> None:
    threat = Clumsy(eps=2.0)
    x = torch.zeros(2, 4)
    assert threat.excess(torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 0]]), x).tolist() == [0, 1]
    assert threat.bounds(x) is None
    with pytest.raises(ValueError, match="clumsy is not the ball of a norm"):
        as_norm_ball(threat)


def test_the_entry_for_a_threat_is_that_of_its_kind() -> None:
    table: dict[type[Threat], str] = {Linf: "a", NormBall: "b"}
    assert [entry_for(threat, table) for threat in (Linf(eps=1), L2(eps=1), L1(eps=1))] == ["a", "b", "b"]
    with pytest.raises(ValueError, match="nothing is known for clumsy, only for linf"):
        entry_for(Clumsy(eps=1), {Linf: "a"})
