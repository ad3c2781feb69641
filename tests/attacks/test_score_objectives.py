"""Objectives on scores: what they mean, and every attack that runs on a score model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.apgd import APGD
from attacks.base import Attack
from attacks.fgsm import FGSM
from attacks.mifgsm import MIFGSM
from attacks.noise import UniformNoise
from attacks.objectives import OBJECTIVES, Classification, objective_named
from attacks.oracle import ModelOracle
from attacks.pgd import PGD
from attacks.score_objectives import AwayFromMid, Decrease, Deviation, Increase, Scoring
from attacks.square import Square
from attacks.threat import Threat

Build = Callable[..., Any]
SCORES, CLEAN = torch.tensor([0.9, 0.1, 0.5]), torch.tensor([0.6, 0.2, 0.5])


def test_values_by_hand() -> None:
    found = {name: objective_named(name).value(SCORES, CLEAN, None) for name in ("increase", "decrease", "deviation")}
    torch.testing.assert_close(found["increase"], SCORES)
    torch.testing.assert_close(found["decrease"], -SCORES)
    torch.testing.assert_close(found["deviation"], torch.tensor([0.3, 0.1, 0.0]))
    torch.testing.assert_close(AwayFromMid().value(SCORES, CLEAN, None), torch.tensor([-0.9, 0.1, 0.5]))
    torch.testing.assert_close(AwayFromMid(mid=0.1).value(SCORES, CLEAN, None), torch.tensor([-0.9, -0.1, -0.5]))


def test_every_objective_belongs_to_one_task() -> None:
    for kind in OBJECTIVES.values():
        assert issubclass(kind, Classification) != issubclass(kind, Scoring)


@pytest.mark.parametrize("objective", [Increase(), Decrease(), AwayFromMid(), Deviation()], ids=repr)
def test_a_score_is_never_broken_and_logits_are_refused(objective: Scoring) -> None:
    assert objective.broken(SCORES, CLEAN).tolist() == [False] * 3
    with pytest.raises(ValueError, match=r"one score per image.*\(3, 2\)"):
        objective.value(torch.zeros(3, 2), CLEAN, None)  # type: ignore[attr-defined]


class Score(nn.Module):
    """``(n, 2, 4, 4)`` to ``(n,)``, linear: the best attack is known."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 32)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w


ATTACKS: list[Attack] = [FGSM(), PGD(steps=5), MIFGSM(steps=5, step_size=0.05, random_start=True), APGD(steps=5)]


@pytest.mark.parametrize("name", ["increase", "decrease", "away_from_mid", "deviation"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_gradient_attacks_reach_the_optimum_of_a_linear_score(attack: Attack, name: str, streams: Build) -> None:
    model, eps = Score(), 0.05
    x = 0.1 + 0.8 * torch.rand(6, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    clean = model(x)
    objective = AwayFromMid(mid=float(clean.median())) if name == "away_from_mid" else objective_named(name)
    adv = attack.perturb(ModelOracle.of(model, clean, objective=objective), x, Threat(eps=eps), rng=streams(6))
    shift = model(adv) - clean
    most = eps * float(model.w.abs().sum())
    up, down = torch.full((6,), most, dtype=torch.float64), torch.full((6,), -most, dtype=torch.float64)
    if name == "deviation":
        # FGSM starts at the clean image, where this objective is flat.
        torch.testing.assert_close(shift.abs(), torch.zeros(6).double() if isinstance(attack, FGSM) else up)
    elif name == "away_from_mid":
        torch.testing.assert_close(shift, torch.where(clean > clean.median(), down, up))
    else:
        torch.testing.assert_close(shift, up if name == "increase" else down)


def test_an_objective_is_chosen_by_name_as_well(streams: Build) -> None:
    model, x = Score(), torch.full((2, 2, 4, 4), 0.5, dtype=torch.float64)
    oracle = ModelOracle.of(model, model(x), objective=Increase())
    adv = PGD(objective="decrease").perturb(oracle, x, Threat(eps=0.05), rng=streams(2))
    assert (model(adv) < model(x)).all()


@pytest.mark.parametrize("objective", [Increase(), Decrease(), Deviation()], ids=repr)
def test_square_follows_the_objective(objective: Any, streams: Build) -> None:
    model, x = Score(), torch.full((4, 2, 4, 4), 0.5, dtype=torch.float64)
    clean = model(x)
    oracle = ModelOracle.of(model, clean, objective=objective)
    value = {
        type(attack): objective.value(model(attack.perturb(oracle, x, Threat(eps=0.05), rng=streams(4))), clean, None)
        for attack in (Square(queries=200), UniformNoise(draws=200))
    }
    most = 0.05 * float(model.w.abs().sum())
    gain = value[Square] - objective.value(clean, clean, None)
    assert (gain > 0.7 * most).all()
    assert (value[Square] > value[UniformNoise]).all()
    assert oracle.forwards.tolist() == [400] * 4


def test_a_score_has_no_class_to_aim_at(streams: Build) -> None:
    model, x = Score(), torch.full((2, 2, 4, 4), 0.5, dtype=torch.float64)
    oracle = ModelOracle.of(model, model(x), objective=Increase())
    with pytest.raises(ValueError, match="no classes to aim at"):
        PGD(target="runner_up").perturb(oracle, x, Threat(eps=0.05), rng=streams(2))
