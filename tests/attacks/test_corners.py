"""The corner search: its start, its moves, and models that only such a search breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import row_norm
from support.statistics import at_least, at_most
from torch import Tensor, nn

from attacks.corner_moves import Draw, drawn, flipped, pushed, to_corners, to_sphere
from attacks.corners import BlindCorners, Corners
from attacks.fitting import Traits
from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf

Build = Callable[..., Any]
SIDE = 8


class Counting(nn.Module):
    """Wrong where at least ``needed`` of the 64 pixels lie at the end of their interval that ``secret`` names.

    A staircase: between its steps its answer is constant, and its gradient is 0 everywhere.
    """

    def __init__(self, secret: Tensor, needed: int) -> None:
        super().__init__()
        self.secret, self.needed = secret, needed

    def forward(self, x: Tensor) -> Tensor:
        right = ((x - 0.5) * self.secret > 0.099).flatten(1).sum(1).float()
        return torch.stack([torch.zeros_like(right), right - self.needed + 0.5 + 0 * x.flatten(1).sum(1)], 1)


def secret() -> Tensor:
    return torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(5)).sub(0.5).sign()


def grey(n: int) -> tuple[Tensor, Tensor]:
    return torch.full((n, 1, SIDE, SIDE), 0.5), torch.zeros(n, dtype=torch.int64)


def attacked(attack: Corners, needed: int, seed: int, inherited: Tensor | None = None) -> Tensor:
    """Whether each of 20 grey images falls, ``(20,)``, where so many of 64 pixels must be right; a blind corner has 32."""
    n = 20
    model, (x, y) = Counting(secret(), needed).eval(), grey(n)
    oracle = ModelOracle.of(model, y, inherited=inherited)
    adv = attack.perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(seed, torch.arange(n)))
    assert int(oracle.forwards.max()) <= attack.queries
    return model(adv).argmax(1) != y


def test_it_finds_by_small_moves_what_gradients_do_not_show() -> None:
    by_corners = torch.stack([attacked(Corners(queries=300, candidates=4), 44, seed).double() for seed in range(4)])
    assert at_least(by_corners.flatten()) > 0.7


def test_a_start_near_the_goal_is_not_given_away() -> None:
    x, _ = grey(20)
    ends = x + 0.1 * secret() * torch.where(torch.arange(64).view(1, SIDE, SIDE) < 53, 1.0, -1.0)
    warm = torch.stack([attacked(Corners(queries=30, candidates=4, most=4), 54, s, ends).double() for s in range(6)])
    cold = torch.stack([attacked(Corners(queries=30, candidates=4, most=4), 54, s).double() for s in range(6)])
    assert at_least(warm.flatten()) > 0.4
    assert at_most(cold.flatten()) < 0.3


def test_without_a_radius_the_inherited_point_is_the_clean_one(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(3)
    oracle = ModelOracle.of(model, model(x).argmax(1), inherited=x + 0.01)
    adv = Corners(queries=10).perturb(oracle, x, Linf(eps=0.0), rng=streams(3))
    assert torch.equal(adv, x)


def test_views_of_some_rows_inherit_theirs(smooth: Build, images: Build) -> None:
    model, x = smooth(), images(5)
    oracle = ModelOracle.of(model, model(x).argmax(1), inherited=x)
    part = oracle.subset(torch.tensor([4, 1]))
    assert part.inherited is not None and torch.equal(part.inherited, x[[4, 1]])
    assert oracle.beside(x[:2]).inherited is None


@pytest.mark.parametrize("queries", [1, 2, 3, 50, 1000])
@pytest.mark.parametrize("attack", [Corners(), BlindCorners()], ids=repr)
def test_it_spends_what_it_says(attack: Corners, queries: int) -> None:
    search = type(attack)(queries=queries)
    x, y = grey(2)
    oracle = ModelOracle.of(Counting(secret(), 65).eval(), y)
    search.perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(0, torch.arange(2)))
    forwards, backwards = search.cost()
    assert forwards == queries
    assert oracle.forwards.tolist() == [forwards] * 2 and oracle.backwards.tolist() == [backwards] * 2


class Hole(nn.Module):
    """Answers NaN where the first pixel was raised, and is right elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        total = x.flatten(1).sum(1)
        logits = torch.stack([total.abs() + 1, -total.abs()], 1)
        return torch.where((x[:, 0, 0, 0] > 0.5)[:, None], torch.nan, logits)


def test_no_number_breaks_nothing_and_leaves_a_mark() -> None:
    x, y = grey(4)
    oracle = ModelOracle.of(Hole().eval(), y)
    adv = Corners(queries=60, candidates=4).perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(0, torch.arange(4)))
    assert bool((adv[:, 0, 0, 0] <= 0.5).all())
    assert bool(oracle.bad_gradient.all())


def test_what_it_does_not_fit() -> None:
    linf, images, classes = Linf(eps=0.1), (3, 32, 32), Traits()
    assert Corners().misfit(linf, images, classes) is None
    assert "needs images" in (Corners().misfit(linf, (10, 2, 34, 34), classes) or "")
    assert "a score has none" in (Corners().misfit(linf, images, Traits(scores=True)) or "")
    assert "follows gradients" in (Corners().misfit(linf, images, Traits(differentiable=False)) or "")
    assert BlindCorners().misfit(linf, images, Traits(differentiable=False)) is None


@pytest.mark.parametrize(
    "wrong", [{"queries": 0}, {"candidates": 0}, {"most": 0}, {"refresh": 0}, {"guided": 1.5}], ids=lambda wrong: str(wrong)
)
def test_parameters_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Corners(**wrong)


def test_a_flip_goes_to_the_far_side(streams: Build) -> None:
    x = torch.tensor([0.5, 0.5, 0.98, 0.0]).view(1, 1, 2, 2)
    ball, zero = Linf(eps=0.1), torch.zeros(1, 1, 2, 2)
    point = to_corners(x + torch.tensor([0.02, -0.1, 0.01, 0.05]).view(1, 1, 2, 2), x, ball, zero, streams(1))
    torch.testing.assert_close(point.flatten(), torch.tensor([0.6, 0.4, 1.0, 0.1]))
    draw = Draw(torch.tensor([[[0, 2, 3], [1, 1, 0]]]), torch.tensor([[3, 2]]))
    candidates = flipped(point, x, ball, zero, draw, streams(1))
    expected = torch.tensor([[0.4, 0.4, 0.88, 0.0], [0.6, 0.6, 1.0, 0.1]])
    torch.testing.assert_close(candidates.view(2, 4), expected)


def test_a_push_stays_on_the_sphere_and_goes_uphill(images: Build, streams: Build) -> None:
    x = 0.3 + 0.4 * images(4)
    ball, rng = L2(eps=torch.tensor([0.1, 0.2, 0.1, 0.2], dtype=x.dtype)), streams(4)
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    point = to_sphere(x, x, ball, gradient, rng)
    torch.testing.assert_close(row_norm(point - x, "l2"), ball.eps.to(x))
    other = to_sphere(x, x, ball, torch.zeros_like(x), rng)
    draw = drawn(gradient.abs().flatten(1), 3, 6, 5, rng)
    candidates = pushed(other, x, ball, gradient, draw, rng)
    torch.testing.assert_close(row_norm(candidates[:, 0] - x, "l2"), ball.eps.to(x))
    slope = ((candidates - other[:, None]) * gradient[:, None]).flatten(2).sum(2)
    assert bool((slope.mean(1) > 0).all())


def test_guided_draws_prefer_what_promises_most(streams: Build) -> None:
    promise = torch.zeros(50, 100)
    promise[:, 7] = 1.0
    draw = drawn(promise, 4, 8, 6, streams(50))
    share = (draw.index == 7).double().mean((0, 2))
    assert bool((share[:4] > 0.9).all()) and bool((share[4:] < 0.1).all())
    assert int(draw.count.min()) >= 2 and int(draw.count.max()) <= 6
    assert torch.equal(draw.used[..., 0], draw.index[..., 0])
