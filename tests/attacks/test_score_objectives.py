"""Objectives on scores: what they mean, and every attack that runs on a score model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exact import RowByRow
from support.norms import Norm, row_norm
from support.statistics import at_least
from torch import Tensor, nn

from attacks.adapters import torchattacks as ta
from attacks.adapters.foolbox import DeepFool
from attacks.apgd import APGD
from attacks.base import Attack, Stage
from attacks.cascade import Cascade
from attacks.estimated import NES, SPSA
from attacks.fgsm import FGSM, RFGSM
from attacks.fitting import Traits
from attacks.fmn import FMN
from attacks.hopskipjump import HopSkipJump
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.noise import GaussianNoise, RandomNoise, SignNoise, UniformNoise
from attacks.objectives import OBJECTIVES, Classification, objective_named
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.sapgd import SAPGD
from attacks.score_objectives import AwayFromMid, Decrease, Deviation, Increase, Scoring
from attacks.square import Square
from attacks.standard import Quick
from attacks.threats.catalogue import threat_kind, threat_named
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat
from attacks.transfer import Transfer
from attacks.warm_apgd import WarmAPGD

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


EXACT: list[Attack] = [
    FGSM(),
    PGD(steps=5),
    PGD(steps=5, step_size=0.1, keep="last"),
    MIFGSM(steps=5, step_size=0.05),
    APGD(steps=5),
    WarmAPGD(steps=5),
    SAPGD(steps=60),
]
SEARCHES: list[Attack] = [
    RFGSM(),
    Square(queries=60),
    NES(steps=4, pairs=12),
    SPSA(steps=4, pairs=12),
    UniformNoise(draws=5),
    SignNoise(draws=5),
    GaussianNoise(draws=5),
    Transfer(model=Score().eval(), attack=PGD(steps=3)),
    Quick(),
]
kinds = {"ids": lambda attack: type(attack).__name__}
NAMES = ["increase", "decrease", "away_from_mid", "deviation"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", EXACT, **kinds)
def test_gradient_attacks_reach_the_optimum_of_a_linear_score(attack: Attack, name: str, streams: Build) -> None:
    model, eps = Score(), 0.05
    x = 0.1 + 0.8 * torch.rand(6, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    clean = model(x)
    objective = AwayFromMid(mid=float(clean.median())) if name == "away_from_mid" else objective_named(name)
    adv = attack.perturb(ModelOracle.of(model, clean, objective=objective), x, Linf(eps=eps), rng=streams(6))
    shift = model(adv) - clean
    most = eps * float(model.w.abs().sum())
    up, down = torch.full((6,), most, dtype=torch.float64), torch.full((6,), -most, dtype=torch.float64)
    if name == "deviation" and isinstance(attack, FGSM):
        # One step of eps from a random point of the ball, because this objective is flat at its centre.
        assert (shift.abs() > 0.5 * most).all() and (shift.abs() <= most * (1 + 1e-12)).all()
    elif name == "deviation":
        torch.testing.assert_close(shift.abs(), up)
    elif name == "away_from_mid":
        torch.testing.assert_close(shift, torch.where(clean > clean.median(), down, up))
    else:
        torch.testing.assert_close(shift, up if name == "increase" else down)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", SEARCHES, **kinds)
def test_every_other_attack_moves_a_score_the_way_it_is_told(attack: Attack, name: str, streams: Build) -> None:
    model, x = Score(), torch.full((20, 2, 4, 4), 0.5, dtype=torch.float64)
    objective = AwayFromMid(mid=1e9) if name == "away_from_mid" else objective_named(name)
    clean = model(x)
    oracle = ModelOracle.of(model, clean, objective=objective)
    shift = model(attack.perturb(oracle, x, Linf(eps=0.05), rng=streams(20))) - clean
    most = 0.05 * float(model.w.abs().sum())
    gain = {"increase": shift, "decrease": -shift, "deviation": shift.abs(), "away_from_mid": shift}[name]
    noise = isinstance(attack, RandomNoise)
    # The best of five draws may still go the wrong way for one image of twenty; a search must not.
    assert at_least(gain) > (0 if noise else 0.4 * most) and (noise or (gain > 0).all())
    assert (gain <= most * (1 + 1e-9)).all()


GENERIC = [attack for attack in (*EXACT, *SEARCHES) if attack.batch_invariant]


@given(
    st.sampled_from(GENERIC),
    st.sampled_from(NAMES),
    st.sampled_from(["linf", "l2"]),
    st.sampled_from([0.0, 1 / 255, 0.1, 2.0]),
    st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_ball_box_zero_radius_seed_and_company(attack: Attack, name: str, norm: Norm, eps: float, seed: int) -> None:
    if not issubclass(threat_kind(norm), attack.threats):
        return
    model = RowByRow(Score())
    x = torch.rand(4, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x = (1.2 * x - 0.1).clamp(0, 1)
    rng, clean = KeyedRng.of(seed, torch.tensor([5, 2, 9, 4])), model(x)

    def attacked(rows: Tensor) -> Tensor:
        oracle = ModelOracle.of(model, clean[rows], objective=objective_named(name))
        return attack.perturb(oracle, x[rows], threat_named(norm, eps=eps), rng=rng.rows(rows))

    adv = attacked(torch.arange(4))
    assert float(row_norm(adv - x, norm).max()) <= eps + 1e-9
    assert float(adv.min()) >= 0 and float(adv.max()) <= 1
    assert eps > 0 or torch.equal(adv, x)
    assert torch.equal(adv, attacked(torch.arange(4)))
    assert torch.equal(attacked(torch.tensor([3, 0])), adv[[3, 0]])


@pytest.mark.parametrize("attack", [FGSM(), MIFGSM(steps=3), NES(steps=2, pairs=4), SPSA(steps=2, pairs=4)], **kinds)
def test_a_deviation_starts_at_random_because_it_is_flat_at_the_clean_image(attack: Attack, streams: Build) -> None:
    model, x = Score(), torch.full((3, 2, 4, 4), 0.5, dtype=torch.float64)
    adv = [
        attack.perturb(ModelOracle.of(model, model(x), objective=Deviation()), x, Linf(eps=0.05), rng=streams(3, seed=seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(adv[0], adv[1]) and not torch.equal(adv[0], adv[2])
    assert ((model(adv[0]) - model(x)).abs() > 0).all()


class OnlyClasses(Cascade):
    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        return (Stage("a", APGD(objective="dlr")),)


CLASSES_ONLY: list[tuple[Attack, str]] = [
    (APGD(objective="margin"), "APGD is to maximise margin, which needs classes"),
    (APGD(objective="dlr"), "maximise dlr, which needs classes"),
    (PGD(objective="ce"), "on a score it can maximise increase, decrease, away_from_mid, deviation"),
    (NES(objective="margin"), "NES is to maximise margin"),
    (PGD(target="runner_up"), "no classes to aim at"),
    (Transfer(model=Score().eval(), attack=APGD(objective="dlr")), "maximise dlr"),
    (FMN(), "FMN looks for a change of class, and a score has none"),
    (HopSkipJump(), "HopSkipJump looks for a change of class"),
    (DeepFool(), "DeepFool looks for a change of class"),
    (ta.FGSM(), "FGSM looks for a change of class"),
    (OnlyClasses(), "OnlyClasses has no stages for models that score"),
]


@pytest.mark.parametrize(("attack", "sentence"), CLASSES_ONLY, ids=repr)
def test_what_needs_classes_refuses_a_score_in_one_sentence(attack: Attack, sentence: str, streams: Build) -> None:
    model, x = Score(), torch.full((2, 2, 4, 4), 0.5, dtype=torch.float64)
    assert re.search(sentence, attack.misfit_of_model(Traits(scores=True)) or "")
    oracle = ModelOracle.of(model, model(x), objective=Increase())
    with pytest.raises(ValueError, match=r"needs classes|no classes|change of class|no stages"):
        attack.perturb(oracle, x, Linf(eps=0.05), rng=streams(2))
    assert oracle.forwards.tolist() == [0, 0]


@pytest.mark.parametrize("attack", [*EXACT, *SEARCHES], **kinds)
def test_what_moves_a_score_says_so(attack: Attack) -> None:
    assert attack.misfit_of_model(Traits(scores=True)) is None


@pytest.mark.parametrize("name", ["ce", "margin", "dlr"])
def test_objectives_of_classifiers_refuse_scores(name: str) -> None:
    with pytest.raises(ValueError, match=r"needs logits \(n, K\); this model gives \(3,\)"):
        objective_named(name).value(SCORES, torch.zeros(3).long(), None)


def test_an_objective_is_chosen_by_name_as_well(streams: Build) -> None:
    model, x = Score(), torch.full((2, 2, 4, 4), 0.5, dtype=torch.float64)
    oracle = ModelOracle.of(model, model(x), objective=Increase())
    adv = PGD(objective="decrease").perturb(oracle, x, Linf(eps=0.05), rng=streams(2))
    assert (model(adv) < model(x)).all()


@pytest.mark.parametrize("objective", [Increase(), Decrease(), Deviation()], ids=repr)
def test_square_follows_the_objective(objective: Any, streams: Build) -> None:
    model, x = Score(), torch.full((4, 2, 4, 4), 0.5, dtype=torch.float64)
    clean = model(x)
    oracle = ModelOracle.of(model, clean, objective=objective)
    value = {
        type(attack): objective.value(model(attack.perturb(oracle, x, Linf(eps=0.05), rng=streams(4))), clean, None)
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
        PGD(target="runner_up").perturb(oracle, x, Linf(eps=0.05), rng=streams(2))


def test_a_cascade_keeps_what_moved_the_score_farthest(streams: Build) -> None:
    """Not the last stage's word: a strong stage before a weak one is not lost."""

    class Falling(Cascade):
        moves_scores: ClassVar[bool] = True

        def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
            assert traits.scores
            return Stage("strong", FGSM()), Stage("weak", UniformNoise())

    model, x = Score(), torch.full((3, 2, 4, 4), 0.5, dtype=torch.float64)
    oracle = ModelOracle.of(model, model(x), objective=Decrease())
    adv = Falling().perturb(oracle, x, Linf(eps=0.05), rng=streams(3))
    most = 0.05 * float(model.w.abs().sum())
    torch.testing.assert_close(model(x) - model(adv), torch.full((3,), most, dtype=torch.float64))
