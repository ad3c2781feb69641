"""Targeted attacks aim where they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import Norm
from torch import Tensor, nn

from attacks.apgd import APGD
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.pgd import PGD
from attacks.targets import Target, targets
from attacks.threats.catalogue import threat_named
from attacks.threats.linf import Linf

Build = Callable[..., Any]


@pytest.fixture
def aim(streams: Build) -> Callable[..., Tensor]:
    """The classes aimed at by an oracle whose outputs are given, and how often it was asked."""

    def choose(logits: Tensor, labels: Tensor, target: Target, seed: int = 0) -> Tensor:
        oracle = ModelOracle.of(nn.Identity(), labels)
        chosen = targets(oracle, target, logits, streams(len(logits), seed=seed))
        assert oracle.forwards.tolist() == [1] * len(logits)
        return chosen if target == "ranked" else chosen[:, 0]

    return choose


def test_the_runner_up_is_the_strongest_wrong_class(aim: Build) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    assert aim(logits, torch.tensor([0, 2]), "runner_up").tolist() == [2, 0]


def test_the_least_likely_is_the_weakest_wrong_class(aim: Build) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    assert aim(logits, torch.tensor([0, 1]), "least_likely").tolist() == [1, 2]


def test_the_ranking_names_every_wrong_class_from_the_strongest_to_the_weakest(aim: Build) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, 0.0], [3.0, 1.0, 2.0, 0.0]])
    assert aim(logits, torch.tensor([0, 2]), "ranked").tolist() == [[2, 1, 3], [0, 1, 3]]


def test_each_restart_aims_at_the_next_class_and_begins_anew(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(6)
    labels = model(x).argmax(1)
    aims: list[Tensor] = []

    class Noting(Margin):
        def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
            assert target is not None
            aims.append(target)
            return super().value(outputs, reference, target)

    oracle = ModelOracle.of(model, labels, objective=Noting(), stochastic=True)
    APGD(steps=1, target="ranked", restarts=6).perturb(oracle, x, Linf(eps=0.1), rng=streams(6))
    ranked = targets(oracle, "ranked", x, streams(6))
    assert ranked.shape == (6, 4)
    asked = torch.stack(aims)[::2]
    assert torch.equal(asked, ranked[:, [0, 1, 2, 3, 0, 1]].T)


def test_aiming_at_each_class_finds_what_one_aim_misses(images: Build, streams: Build) -> None:
    """Two wrong classes: the one that leads on the clean input is out of reach, the other is not."""

    class TwoWays(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            lead = (x - 0.5).flatten(1).mean(1)
            decoy = (-0.1 - 0 * lead) + 0.3 * torch.tanh(-20 * lead)
            return torch.stack([0 * lead, decoy.clamp_max(-0.01), 5 * lead - 0.3, -5 + lead], 1)

    model, x = TwoWays(), torch.full((3, 1, 4, 4), 0.5, dtype=torch.float64)
    labels = model(x).argmax(1)
    fell = {}
    for restarts in (1, 2):
        attack = APGD(steps=10, objective="dlr", target="ranked", restarts=restarts)
        adv = attack.perturb(ModelOracle.of(model, labels), x, Linf(eps=0.1), rng=streams(3))
        fell[restarts] = (model(adv).argmax(1) != labels).tolist()
    assert fell == {1: [False] * 3, 2: [True] * 3}


def test_a_random_target_is_any_wrong_class(aim: Build) -> None:
    labels = torch.arange(600) % 4
    chosen = aim(torch.zeros(600, 4), labels, "random")
    counts = ((chosen - labels) % 4).bincount(minlength=4)
    assert counts[0] == 0
    assert int(counts[1:].min()) > 130  # of 200 each, give or take 12
    assert not torch.equal(chosen, aim(torch.zeros(600, 4), labels, "random", seed=1))


@pytest.mark.parametrize("target", ["runner_up", "least_likely"])
@pytest.mark.parametrize("objective", ["ce", "margin"])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.6), ("l2", 3.0)])
def test_a_targeted_attack_steers_towards_its_target(
    target: Target, objective: str, norm: Norm, eps: float, smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(), images(6)
    logits = model(x)
    labels = logits.argmax(1)
    wrong = logits.scatter(1, labels[:, None], -math.inf if target == "runner_up" else math.inf)
    goal = wrong.argmax(1) if target == "runner_up" else wrong.argmin(1)
    attack = PGD(steps=10, target=target, objective=objective, keep="last", random_start=False)
    adv = attack.perturb(ModelOracle.of(model, labels), x, threat_named(norm, eps=eps), rng=streams(6))
    before, after = (Margin().value(out, labels, goal) for out in (logits, model(adv)))
    assert bool((after > before).all())
    assert float((model(adv).argmax(1) == goal).double().mean()) > 0.8
