"""The corner search that learns: what it concludes from candidates, its squares, and which rows it gives up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import row_norm
from support.statistics import at_least
from torch import Tensor, nn

from attacks.corner_moves import to_sphere
from attacks.corner_patches import LARGEST, patches
from attacks.corners import Corners
from attacks.entry_effects import EntryEffects
from attacks.fitting import Traits
from attacks.learning_corners import FEWEST_AT_LAST, LearningCorners
from attacks.learning_moves import LearningDraw, pushes
from attacks.model_oracle import ModelOracle
from attacks.near_corners import NearCorners
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]
SIDE = 8


def secret() -> Tensor:
    return torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(5)).sub(0.5).sign()


class Counting(nn.Module):
    """Wrong where at least ``needed`` of the 64 pixels lie at the end of their interval that ``secret`` names.

    A staircase whose gradient is 0 everywhere; half of the pixels count three times.
    """

    def __init__(self, needed: float) -> None:
        super().__init__()
        self.secret, self.needed = secret(), needed
        self.worth = torch.where(torch.arange(64).view(1, SIDE, SIDE) % 2 == 0, 3.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        right = (((x - 0.5) * self.secret > 0.099) * self.worth).flatten(1).sum(1)
        return torch.stack([torch.zeros_like(right), right - self.needed + 0.5 + 0 * x.flatten(1).sum(1)], 1)


def grey(n: int) -> tuple[Tensor, Tensor]:
    return torch.full((n, 1, SIDE, SIDE), 0.5), torch.zeros(n, dtype=torch.int64)


def attacked(attack: Corners, needed: float, seed: int) -> tuple[Tensor, Tensor]:
    """Whether each of 20 grey images falls, and how many forwards it has cost, both ``(20,)``."""
    model, (x, y) = Counting(needed).eval(), grey(20)
    oracle = ModelOracle.of(model, y)
    adv = attack.perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(seed, torch.arange(20)))
    assert float((adv - x).abs().max()) <= 0.1 + 1e-6
    return model(adv).argmax(1) != y, oracle.forwards


def test_effects_are_those_of_least_squares_with_a_prior() -> None:
    """Independent effects of one variance: the mean of each entry by the formula, both from single moves and from pairs."""
    effects = EntryEffects.nothing(torch.zeros(1, 3, dtype=torch.float64))
    step = torch.tensor([[2.0, -2.0, 2.0]], dtype=torch.float64)
    changed = torch.tensor([[[True, False, False], [True, True, False]]])
    effects.learn(changed, step, torch.tensor([[0.6, -0.4]], dtype=torch.float64))
    flat = torch.zeros_like(step)
    means = effects.promise(step, flat, 0.5)
    expected = torch.tensor([[(0.6 - 0.2) / (1 + 1 + 0.5), -0.2 / (1 + 0.5), 0.0]], dtype=torch.float64)
    torch.testing.assert_close(means, expected)
    torch.testing.assert_close(effects.promise(-step, flat, 0.5), -expected)


def test_effects_of_moves_whose_way_differs_between_candidates() -> None:
    effects = EntryEffects.nothing(torch.zeros(1, 2, dtype=torch.float64))
    changed, ways = torch.ones(1, 2, 2, dtype=torch.bool), torch.tensor([[[1.0, 1.0], [1.0, -1.0]]], dtype=torch.float64)
    effects.learn(changed, ways, torch.tensor([[0.4, 0.2]], dtype=torch.float64))
    up = effects.promise(torch.ones(1, 2, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64), 0.5)
    torch.testing.assert_close(up, torch.tensor([[(0.2 + 0.1) / 2, (0.2 - 0.1) / 2]], dtype=torch.float64))


def test_before_it_has_learnt_anything_the_gradient_decides() -> None:
    effects = EntryEffects.nothing(torch.zeros(2, 4, dtype=torch.float64))
    step = torch.ones(2, 4, dtype=torch.float64)
    gradient = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, -1.0, 1.0]], dtype=torch.float64)
    promise = effects.promise(step, gradient, 0.5)
    steepest = promise / promise.std(1, keepdim=True, correction=0)
    torch.testing.assert_close(steepest, gradient / gradient.std(1, keepdim=True, correction=0))


@pytest.mark.parametrize("odd", [torch.nan, torch.inf, -torch.inf])
def test_what_is_no_number_teaches_nothing(odd: float) -> None:
    effects = EntryEffects.nothing(torch.zeros(1, 3))
    effects.learn(torch.ones(1, 1, 3, dtype=torch.bool), torch.ones(1, 3), torch.tensor([[odd]]))
    assert torch.equal(effects.summed, torch.zeros(1, 3)) and bool(effects.square.isfinite().all())


def test_squares_go_to_one_end_and_change_something(streams: Build) -> None:
    n, count, shape = 30, 50, (3, 7, 9)
    upwards = torch.rand(n, *shape, generator=torch.Generator().manual_seed(2)) > 0.5
    changed = patches(upwards, count, streams(n))
    assert changed.shape == (n, count, *shape)
    assert bool(changed.flatten(2).any(2).all())
    assert int(changed.any(3).sum(3).max()) <= LARGEST and int(changed.any(4).sum(3).max()) <= LARGEST
    in_channels = changed.flatten(3).any(3)
    ways = torch.stack([(changed & up).flatten(3).any(3) for up in (upwards[:, None], ~upwards[:, None])])
    # In a channel, one way; both only where the whole square lay at the end that was drawn.
    assert float(ways.all(0)[in_channels].double().mean()) < 0.05
    assert {1, 3} <= set(in_channels.sum(2).flatten().tolist())
    assert patches(upwards, 0, streams(n)).shape == (n, 0, *shape)


def test_images_smaller_than_a_square(streams: Build) -> None:
    changed = patches(torch.ones(4, 2, 1, 3, dtype=torch.bool), 20, streams(4))
    assert bool(changed.flatten(2).any(2).all())


def test_learning_gets_farther_than_not_learning() -> None:
    """On a staircase whose pixels differ in worth, by equally many forwards; each draw is a run's share of fallen images."""
    learning = LearningCorners(queries=200, candidates=4, most=6, patience=200)
    blind = Corners(queries=200, candidates=4, most=6)
    gain = [
        attacked(learning, 118, seed)[0].double().mean() - attacked(blind, 118, seed)[0].double().mean() for seed in range(8)
    ]
    assert at_least(torch.stack(gain)) > 0.0


class Leaning(nn.Module):
    """Wrong where an image leans by ``needed`` or more to ``secret``; in steps of 0.05, so that its gradient is 0."""

    def __init__(self, needed: float) -> None:
        super().__init__()
        self.secret, self.needed = secret() / SIDE, needed

    def forward(self, x: Tensor) -> Tensor:
        leaning = (((x - 0.5) * self.secret).flatten(1).sum(1) * 20).floor() / 20
        return torch.stack([torch.zeros_like(leaning), leaning - self.needed + 0 * x.flatten(1).sum(1)], 1)


def test_learning_gets_farther_in_l2() -> None:
    """From pushes whose sign it must find out; each draw is how far a run comes on the mean, by equally many forwards."""
    model, (x, y), threat = Leaning(10.0).eval(), grey(10), L2(eps=2.0)

    def reached(search: Corners, seed: int) -> Tensor:
        oracle = ModelOracle.of(model, y)
        adv = search.perturb(oracle, x, threat, rng=KeyedRng.of(seed, torch.arange(10)))
        assert float(threat.excess(adv, x).max()) <= 1e-6 and oracle.forwards.tolist() == [300] * 10
        return (((adv - 0.5) * model.secret).flatten(1).sum(1)).double().mean()

    learning, blind = (
        LearningCorners(queries=300, candidates=4, most=6, patience=300),
        Corners(queries=300, candidates=4, most=6),
    )
    assert at_least(torch.stack([reached(learning, seed) - reached(blind, seed) for seed in range(8)])) > 0.0


def test_pushes_lie_on_the_sphere_and_say_what_they_moved(streams: Build) -> None:
    x = 0.3 + 0.4 * torch.rand(4, 3, 9, 9, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ball, known = L2(eps=torch.tensor([0.1, 0.2, 0.1, 0.2], dtype=x.dtype)), EntryEffects.nothing(x)
    point = to_sphere(x, x, ball, torch.zeros_like(x), streams(4))
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    tried = pushes(point, x, ball, gradient, known, LearningDraw(9, 5, 4, 2.0, 0.5), streams(4))
    assert tried.points.shape == (4, 9, *x.shape[1:])
    for candidate in range(9):
        torch.testing.assert_close(row_norm(tried.points[:, candidate] - x, "l2"), ball.eps.to(x))
    assert torch.equal(tried.changed, tried.step != 0)
    assert int(tried.changed[:, :5].sum(2).max()) <= 4
    uphill = (tried.step * gradient.flatten(1)[:, None])[:, :5]
    assert bool((uphill >= 0).all())  # before anything is learnt, the way of the gradient
    # What was not pushed is scaled by one factor; beyond that, what was pushed went where it is said to have gone.
    before, after = (point - x).flatten(1)[:, None].expand_as(tried.step), (tried.points - x[:, None]).flatten(2)
    factor = torch.where(tried.changed, torch.nan, after / before).nanmedian(2).values[..., None]
    torch.testing.assert_close(after[~tried.changed], (factor * before)[~tried.changed])
    assert bool(((after / factor - before) * tried.step > 0)[tried.changed].all())


def test_rows_out_of_reach_are_given_up_and_others_are_not() -> None:
    search = LearningCorners(queries=1000, candidates=4, most=6, patience=100)
    _, spent = attacked(search, 1000.0, 0)
    assert int(spent.max()) < 200
    broken, spent = attacked(search, 118, 0)
    _, forced = attacked(LearningCorners(queries=1000, candidates=4, most=6, patience=1000), 1000.0, 0)
    assert bool((forced == 1000).all())
    assert int(spent.max()) <= 1000 and bool((broken | (spent >= 100)).all())


def test_the_largest_move_halves_down_to_a_floor() -> None:
    search = LearningCorners(most=100, halving=200)
    assert [search.most_after(spent) for spent in (0, 200, 400, 5000)] == [100, 50, 25, FEWEST_AT_LAST]
    assert LearningCorners(most=3).most_after(5000) == 3


@pytest.mark.parametrize("queries", [1, 2, 3, 50])
def test_it_spends_no_more_than_it_says(queries: int) -> None:
    search = LearningCorners(queries=queries)
    _, spent = attacked(search, 1000.0, 0)
    assert bool((spent == queries).all()) and search.cost()[0] == queries


@pytest.mark.parametrize("guided", [0.0, 1.0])
def test_all_candidates_may_be_of_one_kind(guided: float) -> None:
    broken, _ = attacked(LearningCorners(queries=400, candidates=4, most=6, guided=guided), 100, 0)
    assert bool(broken.any())


@pytest.mark.parametrize("search", [LearningCorners(queries=60, candidates=4), NearCorners(queries=60, candidates=4)])
@pytest.mark.parametrize("threat", [Linf(eps=0.02), L2(eps=0.1)], ids=["linf", "l2"])
def test_a_row_searches_the_same_alone(
    search: LearningCorners, threat: Threat, smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(), images(6)
    labels = model(x).argmax(1)
    together = search.perturb(ModelOracle.of(model, labels), x, threat, rng=streams(6))
    alone = search.perturb(ModelOracle.of(model, labels[2:3]), x[2:3], threat, rng=streams(6).rows(torch.tensor([2])))
    torch.testing.assert_close(alone[0], together[2], rtol=0, atol=1e-12)


class Hole(nn.Module):
    """Answers NaN where the first pixel was raised, and is right elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        total = x.flatten(1).sum(1)
        logits = torch.stack([total.abs() + 1, -total.abs()], 1)
        return torch.where((x[:, 0, 0, 0] > 0.5)[:, None], torch.nan, logits)


def test_no_number_breaks_nothing_and_stops_nothing() -> None:
    x, y = grey(4)
    oracle = ModelOracle.of(Hole().eval(), y)
    search = LearningCorners(queries=60, candidates=4, patience=60)
    adv = search.perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(0, torch.arange(4)))
    assert bool((adv[:, 0, 0, 0] <= 0.5).all())
    assert bool(oracle.bad_gradient.all()) and oracle.forwards.tolist() == [60] * 4


def test_what_it_does_not_fit() -> None:
    for threat in (Linf(eps=0.1), L2(eps=0.1)):
        assert LearningCorners().misfit(threat, (3, 32, 32), Traits()) is None
    assert "not in events_l0" in (LearningCorners().misfit(EventsL0(eps=0.1), (3, 32, 32), Traits()) or "")


@pytest.mark.parametrize(
    "wrong",
    [{"halving": 0}, {"sharpness": -1.0}, {"trust": -0.1}, {"patience": -1}, {"queries": 0}, {"trust": float("nan")}],
    ids=str,
)
def test_parameters_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LearningCorners(**wrong)
