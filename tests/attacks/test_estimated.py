"""NES and SPSA: their slope is the gradient, and a staircase that hides its gradient does not stop them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import Norm
from support.statistics import at_least, at_most
from torch import Tensor, nn

from attacks.best_so_far import Best
from attacks.estimated import NES, SPSA, EstimatedGradient
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.pgd import PGD
from attacks.threats.catalogue import threat_named
from attacks.threats.linf import Linf

Build = Callable[..., Any]
both = pytest.mark.parametrize("kind", [NES, SPSA])


class Staircase(nn.Module):
    """A linear model behind stairs as wide as 1/8: its gradient is zero everywhere, and yet it is easily broken."""

    def forward(self, x: Tensor) -> Tensor:
        total = ((x * 8).round() / 8).flatten(1).mean(1) - 0.5
        return torch.stack([-total, total], 1)


@both
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_estimate_points_along_the_gradient(
    kind: type[EstimatedGradient], norm: Norm, smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(gain=0.5), 0.3 + 0.4 * images(20)
    oracle = ModelOracle.of(model, model(x).argmax(1), stochastic=True)
    rows = torch.arange(20)
    gradient = oracle.query(x, rows, grad=True).slope.flatten(1)
    cosine = {}
    for pairs in (8, 400):
        attack = kind(pairs=pairs, sigma=1e-3, objective="ce")
        slope = attack._slope(oracle, x, x, threat_named(norm, eps=1.0), streams(20), rows, Best.starting_at(x)).flatten(1)
        cosine[pairs] = torch.nn.functional.cosine_similarity(slope, gradient)
    assert at_least(cosine[400]) > 0.9
    assert at_least(cosine[400] - cosine[8]) > 0.2


@both
def test_a_step_never_turns_against_an_edge_of_the_box(kind: type[EstimatedGradient], streams: Build) -> None:
    """On a linear model the sign of the estimate is right at corners of the box too, where half of each probe is cut."""

    class Linear(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            lead = x.flatten(1) @ torch.tensor([1.0, -2.0, 3.0, -1.0], dtype=x.dtype) + 100
            return torch.stack([-lead, lead], 1)

    x = torch.tensor([[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    oracle = ModelOracle.of(Linear(), torch.ones(2).long(), objective=Margin())
    slope = kind(pairs=500)._slope(oracle, x, x, Linf(eps=0.1), streams(2), torch.arange(2), Best.starting_at(x))
    assert (slope.sign() == torch.tensor([-1.0, 1.0, -1.0, 1.0])).all()


@both
def test_it_breaks_a_model_without_gradients_where_pgd_cannot(kind: type[EstimatedGradient], streams: Build) -> None:
    x = 0.5 + 0.02 * torch.randn(20, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = Staircase()(x).argmax(1)
    standing = {}
    for attack in (kind(steps=5, pairs=10), PGD(steps=10, random_start=False)):
        adv = attack.perturb(ModelOracle.of(Staircase(), labels), x, Linf(eps=0.1), rng=streams(20))
        standing[type(attack)] = float((Staircase()(adv).argmax(1) == labels).double().mean())
    assert standing == {kind: 0.0, PGD: 1.0}


@both
def test_it_comes_close_to_the_attack_that_sees_the_gradient(
    kind: type[EstimatedGradient], smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(gain=4.0), images(400)
    labels = model(x).argmax(1)
    threat = Linf(eps=0.03)
    broken = []
    for attack in (kind(steps=8, pairs=24), PGD(steps=8, objective="margin")):
        adv = attack.perturb(ModelOracle.of(model, labels, micro_batch=4096), x, threat, rng=streams(400))
        broken.append((model(adv).argmax(1) != labels).double())
    assert at_least(broken[1]) > 0.2 and at_most(broken[1]) < 0.9
    assert at_least(broken[0] - 0.7 * broken[1]) > 0


@both
@pytest.mark.parametrize("wrong", [{"steps": 0}, {"pairs": 0}, {"sigma": 0.0}, {"step_size": -1.0}, {"objective": "x"}])
def test_settings_that_make_no_sense_are_refused(kind: type[EstimatedGradient], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        kind(**wrong)
