"""Targeted attacks aim where they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.objectives import Margin
from attacks.oracle import ModelOracle
from attacks.pgd import PGD
from attacks.targets import Target, aimed
from attacks.threat import Norm, Threat

Build = Callable[..., Any]


@pytest.fixture
def aim(streams: Build) -> Callable[..., Tensor]:
    """The classes aimed at by an oracle whose outputs are given, and how often it was asked."""

    def choose(logits: Tensor, labels: Tensor, target: Target, seed: int = 0) -> Tensor:
        oracle = ModelOracle.of(nn.Identity(), labels)
        chosen = aimed(oracle, target, logits, streams(len(logits), seed=seed)).target
        assert oracle.forwards.tolist() == [1] * len(logits)
        return chosen

    return choose


def test_the_runner_up_is_the_strongest_wrong_class(aim: Build) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    assert aim(logits, torch.tensor([0, 2]), "runner_up").tolist() == [2, 0]


def test_the_least_likely_is_the_weakest_wrong_class(aim: Build) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    assert aim(logits, torch.tensor([0, 1]), "least_likely").tolist() == [1, 2]


def test_a_random_target_is_any_wrong_class(aim: Build) -> None:
    labels = torch.arange(600) % 4
    chosen = aim(torch.zeros(600, 4), labels, "random")
    counts = ((chosen - labels) % 4).bincount(minlength=4)
    assert counts[0] == 0
    assert int(counts[1:].min()) > 150
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
    adv = attack.perturb(ModelOracle.of(model, labels), x, Threat(norm=norm, eps=eps), rng=streams(6))
    before, after = (Margin().value(out, labels, goal) for out in (logits, model(adv)))
    assert bool((after > before).all())
    assert float((model(adv).argmax(1) == goal).double().mean()) > 0.8
