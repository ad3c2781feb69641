"""Attacks made for image-quality models: what they promise beyond ball and box."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from support.norms import Norm, row_norm
from support.statistics import at_least
from torch import Tensor, nn

from attacks.activity import spatial_activity
from attacks.base import Attack
from attacks.boundary import ScoreBoundary
from attacks.fitting import Traits
from attacks.korhonen import Korhonen
from attacks.madc import MADC, across
from attacks.model_oracle import ModelOracle
from attacks.noise import SignNoise
from attacks.objectives import Objective
from attacks.perceptual import Perceptual, low_band
from attacks.pgd import PGD
from attacks.score_objectives import Decrease, Deviation, Increase
from attacks.ssim import ssim
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.universal import Universal

Build = Callable[..., Any]
SHAPE = (3, 12, 12)
MANY = 20
"""Images, each with a stream of its own, where the claim is a mean."""
WEIGHT = torch.randn(3 * 12 * 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
MOST: dict[Norm, float] = {"linf": float(WEIGHT.abs().sum()), "l2": float(WEIGHT.norm())}
UP_DOWN = pytest.mark.parametrize("objective", [Increase(), Decrease(), Deviation()], ids=repr)


class Linear(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ WEIGHT.to(x)


class Stairs(nn.Module):
    """A linear score behind stairs: it moves, and its gradient is zero everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return (Linear()(x) * 4).round() / 4


def photographs(n: int = 4) -> Tensor:
    """Smooth on the left, noisy on the right, away from the edges of the box."""
    noise = torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return 0.5 + 0.2 * (noise - 0.5) * torch.linspace(0, 1, 12, dtype=torch.float64)


def attacked(
    attack: Attack, objective: Objective, streams: Build, *, norm: Norm = "linf", eps: float = 0.02, n: int = 4
) -> tuple[Tensor, Tensor, ModelOracle]:
    """Clean and perturbed images, and the oracle."""
    x = photographs(n)
    oracle = ModelOracle.of(Linear(), Linear()(x), objective=objective)
    return x, attack.perturb(oracle, x, threat_named(norm, eps=eps), rng=streams(n)), oracle


def gains(objective: Objective, x: Tensor, adv: Tensor) -> Tensor:
    value = [objective.value(Linear()(points), Linear()(x), None) for points in (adv, x)]
    return value[0] - value[1]


@UP_DOWN
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_without_eyes_the_perceptual_attack_reaches_the_optimum(objective: Objective, norm: Norm, streams: Build) -> None:
    x, adv, _ = attacked(Perceptual(steps=40, weight=0.0), objective, streams, norm=norm)
    gain = gains(objective, x, adv)
    # In l2 Adam's steps are flatter than the gradient, and so is where they end: at 0.80 from any start.
    assert bool((gain > (1 - 1e-9 if norm == "linf" else 0.75) * 0.02 * MOST[norm]).all())


@pytest.mark.parametrize("likeness", ["ssim", "mse"])
def test_the_more_the_likeness_weighs_the_more_alike_and_the_less_moved(likeness: Any, streams: Build) -> None:
    moved, alike = [], []
    for weight in (0.0, 5.0, 100.0, 1e4):
        attack = Perceptual(steps=40, weight=weight, likeness=likeness)
        x, adv, _ = attacked(attack, Increase(), streams, eps=0.05)
        moved.append(float(gains(Increase(), x, adv).mean()))
        alike.append(float(attack.likeness_to(adv, x, Linf(eps=0.05)).mean()))
    assert all(a > b for a, b in pairwise(moved)) and all(a < b for a, b in pairwise(alike))
    assert moved[0] > 0.8 * 0.05 * MOST["linf"] and moved[-1] < 0.2 * moved[0]


def test_at_equal_ssim_it_moves_more_than_a_smaller_ball_does(streams: Build) -> None:
    """What the likeness is for: the same damage to the eye buys a larger shift."""
    attack = Perceptual(steps=60, weight=60.0)
    x, adv, _ = attacked(attack, Increase(), streams, eps=0.1)
    shift, seen = float(gains(Increase(), x, adv).mean()), float(ssim(adv, x).mean())
    plain = []
    for eps in (0.01, 0.02, 0.03, 0.05, 0.1):
        _, other, _ = attacked(PGD(steps=5), Increase(), streams, eps=eps)
        if float(ssim(other, x).mean()) >= seen:
            plain.append(float(gains(Increase(), x, other).mean()))
    assert plain and shift > max(plain)


def test_the_squared_error_is_one_at_the_edge_of_the_ball() -> None:
    x = torch.full((2, 3, 4, 4), 0.5, dtype=torch.float64)
    attack = Perceptual(likeness="mse")
    assert attack.likeness_to(x + 0.1, x, Linf(eps=0.1)).tolist() == pytest.approx([-1, -1])
    assert attack.likeness_to(x + 0.1 / 48**0.5, x, L2(eps=0.1)).tolist() == pytest.approx([-1, -1])
    assert attack.likeness_to(x, x, Linf(eps=0.0)).tolist() == [0, 0]


def test_the_haar_likeness_sees_low_frequencies_alone() -> None:
    x = torch.full((1, 1, 4, 6), 0.5, dtype=torch.float64)
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64).repeat(2, 3)
    attack, ball = Perceptual(likeness="haar"), Linf(eps=0.1)
    assert low_band(x).tolist() == [[[[1.0] * 3] * 2]]
    assert attack.likeness_to(x + 0.1 * checks, x, ball).tolist() == pytest.approx([0])
    # Six entries of the band, each changed by 0.2: half of its square. Beyond 1 it is the distance less a half.
    assert attack.likeness_to(x + 0.1, x, ball).tolist() == pytest.approx([-6 * 0.02])
    assert attack.likeness_to(x + 1.0, x, ball).tolist() == pytest.approx([-6 * 1.5])


def test_madc_takes_out_what_changes_the_squared_error_alone() -> None:
    gradient, change = torch.tensor([[3.0, 4.0], [1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert across(gradient, change).tolist() == [[0.0, 4.0], [1.0, 2.0]]
    drawn = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left = (across(drawn[0], drawn[1]) * drawn[1]).flatten(1).sum(1)
    torch.testing.assert_close(left, torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-12)


@UP_DOWN
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_madc_moves_scores_within_its_error(objective: Objective, norm: Norm, streams: Build) -> None:
    eps = 0.05 if norm == "linf" else 0.05 * 432**0.5
    x, adv, _ = attacked(MADC(steps=12, rmse=0.02), objective, streams, norm=norm, eps=eps)
    error = (adv - x).flatten(1).square().mean(1).sqrt()
    assert bool((error <= 0.02 + 1e-9).all())
    # No perturbation of this error moves a linear score by more than the error times the root of its entries times its norm.
    assert bool((gains(objective, x, adv) > 0.5 * 0.02 * 432**0.5 * MOST["l2"]).all())


@UP_DOWN
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_korhonen_changes_busy_places_and_spares_smooth_ones(objective: Objective, norm: Norm, streams: Build) -> None:
    x, adv, _ = attacked(Korhonen(steps=8), objective, streams, norm=norm, eps=0.02)
    changed, activity = (adv - x).abs().mean(1), spatial_activity(x)[:, 0]
    assert bool((gains(objective, x, adv) > 0).all())
    assert bool((changed[activity < 0.02] < 0.1 * changed[activity > 0.5].mean()).all())
    if norm == "linf":
        # Steps of one sign add up to 2.5 * eps * activity, and a random start lies within eps * activity.
        assert bool(((adv - x).abs() <= (3.6 * 0.02 * spatial_activity(x)).clamp_max(0.02) + 1e-9).all())


def test_korhonen_on_a_busy_image_reaches_the_optimum(streams: Build) -> None:
    x = torch.full((2, *SHAPE), 0.5, dtype=torch.float64)  # flat counts as busy everywhere
    oracle = ModelOracle.of(Linear(), Linear()(x), objective=Increase())
    adv = Korhonen(steps=10).perturb(oracle, x, Linf(eps=0.02), rng=streams(2))
    torch.testing.assert_close(gains(Increase(), x, adv), torch.full((2,), 0.02 * MOST["linf"], dtype=torch.float64))


@UP_DOWN
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_boundary_walk_beats_noise_of_as_many_queries_by_far(objective: Objective, norm: Norm, streams: Build) -> None:
    attack = ScoreBoundary(queries=1000)
    x, adv, oracle = attacked(attack, objective, streams, norm=norm, n=MANY)
    _, noisy, _ = attacked(SignNoise(draws=1000), objective, streams, norm=norm, n=MANY)
    gain = gains(objective, x, adv)
    assert bool((gain > 0).all())
    assert at_least(gain - 2 * gains(objective, x, noisy)) > 0
    assert at_least(gain / (0.02 * MOST[norm])) > 0.6  # 0.69 in linf, 0.72 in l2, with a deviation of 0.04 between images
    assert oracle.forwards.tolist() == [attack.cost()[0]] * MANY and attack.cost()[0] <= 1000


def test_more_queries_bring_the_boundary_walk_further(streams: Build) -> None:
    shares = []
    for queries in (90, 250, 700, 2000):
        x, adv, _ = attacked(ScoreBoundary(queries=queries), Increase(), streams, n=MANY)
        shares.append(gains(Increase(), x, adv) / (0.02 * MOST["linf"]))
    assert all(at_least(more - less) > 0 for less, more in pairwise(shares))
    assert at_least(shares[-1]) > 0.68  # 0.75, with a deviation of 0.034 between images


def test_the_boundary_walk_needs_no_gradient(streams: Build) -> None:
    x = photographs(MANY)
    fall = {}
    for attack in (ScoreBoundary(queries=500), PGD(random_start=False)):
        oracle = ModelOracle.of(Stairs(), Stairs()(x), objective=Decrease())
        adv = attack.perturb(oracle, x, Linf(eps=0.05), rng=streams(MANY))
        fall[type(attack)] = (Stairs()(x) - Stairs()(adv)) / (0.05 * MOST["linf"])
    assert bool((fall[PGD] == 0).all())
    assert at_least(fall[ScoreBoundary]) > 0.25


@UP_DOWN
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_perturbation_is_the_best_for_all_images_of_a_linear_score(
    objective: Objective, norm: Norm, streams: Build
) -> None:
    others = 0.3 + 0.4 * torch.rand(20, *SHAPE, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    x, adv, oracle = attacked(Universal(images=others, steps=30, batch=8), objective, streams, norm=norm)
    assert bool((gains(objective, x, adv) > 0.98 * 0.02 * MOST[norm]).all())
    deltas = adv - x
    torch.testing.assert_close(deltas, deltas[:1].expand_as(deltas), rtol=0, atol=1e-12)
    assert oracle.forwards.tolist() == [0] * 4  # what fitting costs is not booked to the images under attack


def test_a_universal_perturbation_moves_a_curved_score_on_images_it_never_saw(streams: Build) -> None:
    class Curved(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x.flatten(1) @ WEIGHT.to(x) / 4 + x.square().flatten(1).mean(1))

    x = photographs(100)
    others = 0.3 + 0.4 * torch.rand(64, *SHAPE, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    fall = {}
    for attack in (Universal(images=others, steps=20, batch=16), SignNoise()):
        oracle = ModelOracle.of(Curved(), Curved()(x), objective=Decrease())
        adv = attack.perturb(oracle, x, Linf(eps=0.02), rng=streams(100))
        fall[type(attack)] = Curved()(x) - Curved()(adv)
        assert float(row_norm(adv - x, "linf").max()) <= 0.02 + 1e-9
    # One falls by 0.13 and the other by 0 +- 0.025.
    assert at_least(fall[Universal] - 5 * fall[SignNoise]) > 0


def test_images_of_another_size_are_refused(streams: Build) -> None:
    x = photographs()
    attack = Universal(images=torch.rand(3, 3, 8, 8))
    with pytest.raises(ValueError, match=r"for inputs \(3, 12, 12\) cannot be fitted on inputs \(3, 8, 8\)"):
        attack.perturb(ModelOracle.of(Linear(), Linear()(x), objective=Increase()), x, Linf(eps=0.1), rng=streams(4))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Korhonen, {"step_size": 0.0}),
        (Korhonen, {"objective": "x"}),
        (MADC, {"step_size": -1.0}),
        (MADC, {"rmse": 0.0}),
        (Perceptual, {"weight": -1.0}),
        (Perceptual, {"weight": float("nan")}),
        (Perceptual, {"step_size": -1.0}),
        (ScoreBoundary, {"probes": 1}),
        (ScoreBoundary, {"queries": 80}),
        (ScoreBoundary, {"objective": "x"}),
        (Universal, {"images": torch.rand(0, 3, 4, 4)}),
        (Universal, {"images": torch.rand(2, 3, 4, 4), "steps": 0}),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: type[Attack], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        kind(**wrong)


@pytest.mark.parametrize(
    "attack", [Korhonen(objective="margin"), Perceptual(objective="ce"), ScoreBoundary(objective="dlr")]
)
def test_objectives_of_classifiers_are_refused_on_scores(attack: Attack) -> None:
    assert "needs classes" in (attack.misfit_of_model(Traits(scores=True)) or "")
    assert attack.misfit_of_model(Traits()) is None
