"""What every attack owes, whatever its search rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import pairwise
from typing import Any, ClassVar

import pytest
import torch
from support.exact import RowByRow
from support.norms import Norm, row_norm
from torch import Tensor, nn

from attacks import ATTACKS
from attacks.adapters import foolbox as fb
from attacks.adapters import torchattacks as ta
from attacks.adapters import torchattacks_auto as auto
from attacks.adapters.torchattack import TorchAttack
from attacks.apgd import APGD
from attacks.base import Attack, Stage
from attacks.boundary import ScoreBoundary
from attacks.cascade import Cascade
from attacks.corners import BlindCorners, Corners
from attacks.estimated import NES, SPSA
from attacks.fgsm import FGSM, RFGSM
from attacks.fitting import Traits
from attacks.fmn import FMN
from attacks.gradients.bptt import BPTT
from attacks.hopskipjump import HopSkipJump
from attacks.iterative import IterativeAttack
from attacks.korhonen import Korhonen
from attacks.learning_corners import LearningCorners
from attacks.madc import MADC
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.near_corners import NearCorners
from attacks.noise import GaussianNoise, SignNoise, UniformNoise
from attacks.objectives import CrossEntropy, Margin
from attacks.oracle import Answer
from attacks.perceptual import Perceptual
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.threats.catalogue import threat_kind, threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat, ThreatKinds
from attacks.transfer import Transfer
from attacks.universal import Universal
from attacks.warm_apgd import WarmAPGD

Build = Callable[..., Any]

ITERATIVE: list[IterativeAttack] = [
    FGSM(),
    RFGSM(),
    PGD(steps=3),
    PGD(steps=3, random_start=False, objective="margin"),
    PGD(steps=2, restarts=2, objective="dlr", step_size=0.05),
    PGD(steps=3, keep="last"),
    PGD(steps=2, target="runner_up"),
    PGD(steps=2, target="random", objective="dlr"),
    MIFGSM(steps=3),
    MIFGSM(steps=2, restarts=2, decay=0.5, target="least_likely", objective="margin"),
]
NOISES: list[Attack] = [UniformNoise(), SignNoise(draws=3), GaussianNoise(draws=2), GaussianNoise(sigma=5.0)]
ADAPTIVE: list[Attack] = [
    APGD(steps=6),
    APGD(steps=3, restarts=2, objective="dlr"),
    APGD(steps=4, target="runner_up", objective="dlr", rho=1.0),
    APGD(steps=3, target="ranked", objective="dlr", restarts=3),
    WarmAPGD(steps=6),
    WarmAPGD(steps=3, restarts=2, objective="margin", first_step=0.5),
    SAPGD(steps=6),
    SAPGD(steps=3, restarts=2, objective="margin"),
    Square(queries=8),
    Corners(queries=30, candidates=4, refresh=2),
    Corners(queries=20, candidates=5, guided=1.0, most=3),
    BlindCorners(queries=20, candidates=6),
    LearningCorners(queries=30, candidates=4, refresh=2),
    LearningCorners(queries=20, candidates=5, most=3, halving=5),
    NearCorners(queries=30, candidates=4),
    NES(steps=2, pairs=3),
    NES(steps=1, pairs=18, sigma=0.01, objective="ce"),
    SPSA(steps=3, pairs=2),
    SPSA(steps=2, pairs=17, step_size=0.02, objective="dlr"),
    ScoreBoundary(queries=60, probes=8),
    ScoreBoundary(queries=40, probes=4, objective="ce"),
    Korhonen(steps=3),
    Korhonen(steps=2, restarts=2, step_size=0.02, objective="margin"),
    Perceptual(steps=3),
    Perceptual(steps=2, restarts=2, likeness="mse", objective="margin", step_size=0.02),
    Perceptual(steps=2, likeness="haar", weight=0.1),
    MADC(steps=3),
    MADC(steps=2, restarts=2, objective="margin", step_size=0.02, rmse=0.03),
]


@dataclass(frozen=True, kw_only=True)
class Short(Cascade):
    """Two stages along different paths, and noise."""

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        return (Stage("a", PGD(steps=1)), Stage("b", PGD(steps=2), BPTT()), Stage("c", UniformNoise()))


MINIMAL: list[Attack] = [
    FMN(steps=20),
    FMN(steps=8, step_size=0.3, gamma=0.2),
    HopSkipJump(queries=400, probes=20),
]
FOREIGN: list[Attack] = [
    fb.FGSM(),
    fb.FGM(random_start=True),
    fb.LinfPGD(steps=3),
    fb.L2PGD(steps=3, step_size=0.1, random_start=False),
    fb.LinfAdamPGD(steps=3),
    fb.L2AdamPGD(steps=3),
    fb.DDN(steps=20),
    fb.LInfFMN(steps=20),
    fb.DeepFool(steps=3),
    fb.LinfDeepFool(steps=2, candidates=3),
    fb.L2DeepFool(steps=3, overshoot=0.1),
    fb.CarliniWagner(searches=3, steps=10, step_size=0.1, constant=1.0),
    ta.FGSM(),
    ta.PGD(steps=3),
    ta.PGDL2(steps=3, step_size=0.1, random_start=False),
    ta.EOTPGD(steps=2, draws=3),
    ta.MIFGSM(steps=3),
    ta.NIFGSM(steps=3, decay=0.5),
    ta.VMIFGSM(steps=2, neighbours=2),
    auto.APGD(steps=6, objective="dlr"),
    auto.APGDT(steps=4),
    auto.FAB(steps=3),
    auto.Square(queries=20),
]
ONLY_SUCCESSES = (auto.APGD, auto.APGDT, auto.FAB, auto.Square)
"""Attacks of others that return the clean input unless they fooled the model."""


class Source(nn.Module):
    """Another network, for inputs of any precision."""

    def __init__(self) -> None:
        super().__init__()
        self.read = torch.randn(5, 32, generator=torch.Generator().manual_seed(5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(2 * x).flatten(1) @ self.read.to(x).T


SOURCE = RowByRow(Source()).eval()
TRANSFERS: list[Attack] = [
    Transfer(model=SOURCE, attack=MIFGSM(steps=2)),
    Transfer(model=SOURCE, attack=PGD(steps=2, restarts=2)),
]
UNIVERSAL = Universal(images=torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(3)), steps=4, batch=3)
EVERY: list[Attack] = [*NOISES, *ITERATIVE, *ADAPTIVE, *MINIMAL, *FOREIGN, *TRANSFERS, UNIVERSAL, Short()]
OURS = [a for a in EVERY if a.batch_invariant]
LEAVING = [
    a
    for a in OURS
    if a.kind == "budget" and a.access != "none" and getattr(a, "keep", "best") == "best" and not isinstance(a, Cascade)
]
"""A cascade looks once more between stages, at what a stage returned."""
RANDOM = [
    a
    for a in OURS
    if a != TRANSFERS[0]
    and (not isinstance(a, FMN | Universal | Korhonen | MADC | Perceptual | Corners) or isinstance(a, BlindCorners))
    and (not isinstance(a, IterativeAttack) or a.random_start)
]
RANDOM_LATER = [
    a for a in OURS if (isinstance(a, Korhonen | MADC | Perceptual) and a.restarts > 1) or isinstance(a, Corners)
]
"""Their first start is the clean input, or the corner that a gradient points to."""
NORMS: tuple[Norm, ...] = ("linf", "l2")
EPS: dict[Norm, float] = {"linf": 0.06, "l2": 0.3}


def can(attack: Attack, norm: Norm) -> bool:
    """Whether the attack runs in the norm on inputs of this size: torchattacks' Square divides by zero below 5 pixels."""
    return issubclass(threat_kind(norm), attack.threats) and not (isinstance(attack, auto.Square) and norm == "l2")


def in_each_norm(attacks: Sequence[Attack]) -> pytest.MarkDecorator:
    """Each attack in each norm that it can do; that it refuses the others is tested by itself."""
    pairs = [pytest.param(attack, norm, id=f"{attack}-{norm}") for norm in NORMS for attack in attacks if can(attack, norm)]
    return pytest.mark.parametrize(("attack", "norm"), pairs)


every_attack = in_each_norm(EVERY)
both_norms = pytest.mark.parametrize("norm", NORMS)


def wide(attack: Attack, norm: Norm) -> float:
    """A radius in which every attack moves something, those too that return nothing but successes."""
    return EPS[norm] * (10 if attack.kind == "minimal" or isinstance(attack, ONLY_SUCCESSES) else 1)


@dataclass(frozen=True)
class Case:
    """A model, inputs of which it gets all right, and streams: everything but the attack and the threat."""

    model: nn.Module
    x: Tensor
    labels: Tensor
    rng: KeyedRng

    def oracle(self, **settings: Any) -> ModelOracle:
        return ModelOracle.of(self.model, self.labels, **settings)

    def rows(self, index: Tensor) -> Case:
        return replace(self, x=self.x[index], labels=self.labels[index], rng=self.rng.rows(index))

    def attacked(self, attack: Attack, threat: Threat, **settings: Any) -> Tensor:
        return attack.perturb(self.oracle(**settings), self.x, threat, rng=self.rng)


class Noting(nn.Module):
    """Keeps what the model inside was asked."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.inputs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x.detach().clone())
        outputs: Tensor = self.model(x)
        return outputs


@pytest.fixture
def case(smooth: Build, row_by_row: Build, images: Build, streams: Build) -> Case:
    model, x = row_by_row(smooth()), images(6)
    return Case(model, x, model(x).argmax(1), streams(torch.tensor([11, 3, 50, 4, 10**9, 7])))


def test_every_attack_of_the_catalogue_is_tested_here() -> None:
    catalogue = {getattr(import_module(module), name) for module, name in (a.split(":") for a in ATTACKS.values())}
    cascades = {kind for kind in catalogue if issubclass(kind, Cascade)}  # made of these, and tested by themselves
    others = {auto.AutoAttack}  # too slow for the tables
    on_events = {kind for kind in catalogue if kind.__module__.startswith("attacks.events.")}  # tables of their own
    assert catalogue - cascades - on_events == ({type(attack) for attack in EVERY} | others) - {Short}


@every_attack
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_result_is_in_ball_and_box(attack: Attack, norm: Norm, dtype: torch.dtype, case: Case) -> None:
    case = replace(case, model=case.model.to(dtype), x=case.x.to(dtype))
    for eps in (0.01, EPS[norm], 3.0):
        adv = case.attacked(attack, threat_named(norm, eps=eps))
        assert adv.shape == case.x.shape and adv.dtype == dtype
        assert float(row_norm(adv.double() - case.x.double(), norm).max()) <= eps + 1e-6
        assert float(adv.min()) >= 0 and float(adv.max()) <= 1


@every_attack
def test_the_input_is_moved_and_the_box_is_the_threats(attack: Attack, norm: Norm, case: Case) -> None:
    x = 0.25 + case.x / 2
    small = replace(case, x=x, labels=case.model(x).argmax(1))
    threat = threat_named(norm, eps=wide(attack, norm), low=0.25, high=0.75)
    if isinstance(attack, TorchAttack):
        with pytest.raises(ValueError, match=r"knows the box \[0, 1\] only"):
            small.attacked(attack, threat)
        return
    adv = small.attacked(attack, threat)
    assert float(adv.min()) >= 0.25 and float(adv.max()) <= 0.75
    assert bool((adv != x).any())


@every_attack
def test_a_radius_of_zero_gives_the_clean_input_bit_for_bit(attack: Attack, norm: Norm, case: Case) -> None:
    assert torch.equal(case.attacked(attack, threat_named(norm, eps=0.0)), case.x)


@in_each_norm(ITERATIVE)
def test_no_steps_leave_the_start(attack: IterativeAttack, norm: Norm, case: Case) -> None:
    still = replace(attack, steps=0, restarts=1, random_start=False)
    assert torch.equal(case.attacked(still, threat_named(norm, eps=EPS[norm])), case.x)


@both_norms
def test_later_starts_are_random_even_where_the_first_is_not(norm: Norm, case: Case) -> None:
    threat = threat_named(norm, eps=EPS[norm])
    starts = PGD(steps=0, restarts=9, random_start=False)
    adv = case.attacked(starts, threat, objective=Margin(), stochastic=True)
    before, after = (Margin().value(case.model(x), case.labels, None) for x in (case.x, adv))
    assert bool((after >= before).all())
    assert bool((after > before).any())


@every_attack
def test_the_same_seed_gives_the_same_result(attack: Attack, norm: Norm, case: Case) -> None:
    threat = threat_named(norm, eps=EPS[norm])
    assert torch.equal(case.attacked(attack, threat), case.attacked(attack, threat))


@in_each_norm(RANDOM)
def test_another_seed_gives_another_result(attack: Attack, norm: Norm, case: Case, streams: Build) -> None:
    threat = threat_named(norm, eps=wide(attack, norm))
    other = replace(case, rng=streams(torch.tensor([11, 3, 50, 4, 10**9, 7]), seed=1))
    assert not torch.equal(case.attacked(attack, threat), other.attacked(attack, threat))


@in_each_norm(RANDOM_LATER)
def test_another_seed_starts_again_elsewhere(attack: Attack, norm: Norm, case: Case, streams: Build) -> None:
    """Whether a later start wins is another matter, so the claim is about the points that the model is asked about."""
    asked = []
    for seed in (0, 0, 1):
        model = Noting(case.model)
        rng = streams(torch.arange(6), seed=seed)
        replace(case, model=model, rng=rng).attacked(attack, threat_named(norm, eps=EPS[norm]), stochastic=True)
        asked.append(torch.cat(model.inputs))
    assert torch.equal(asked[0], asked[1]) and not torch.equal(asked[0], asked[2])


@in_each_norm(OURS)
@pytest.mark.parametrize("micro_batch", [2, 64])
def test_a_sample_is_attacked_the_same_in_any_batch_and_order(
    attack: Attack, norm: Norm, micro_batch: int, case: Case
) -> None:
    assert attack.batch_invariant
    eps = torch.linspace(0.5, 1.5, 6, dtype=torch.float64) * EPS[norm]
    threat = threat_named(norm, eps=eps)
    together = case.attacked(attack, threat)
    for index in (torch.tensor([3, 1, 5, 0, 4, 2]), torch.tensor([2, 5]), torch.tensor([4])):
        apart = case.rows(index).attacked(attack, threat.rows(index), micro_batch=micro_batch)
        assert torch.equal(apart, together[index])


@every_attack
def test_a_radius_per_row_is_the_same_as_one_for_all(attack: Attack, norm: Norm, case: Case) -> None:
    one = case.attacked(attack, threat_named(norm, eps=EPS[norm]))
    per_row = torch.full((6,), EPS[norm], dtype=torch.float64)
    assert torch.equal(case.attacked(attack, threat_named(norm, eps=per_row)), one)


@every_attack
def test_nothing_but_the_result_changes(attack: Attack, norm: Norm, case: Case) -> None:
    model = case.model
    first, *_ = model.parameters()
    first.requires_grad_(True)
    first.grad = torch.full_like(first, 7.0)
    next(model.children()).train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    x, labels, generator = case.x.clone(), case.labels.clone(), torch.random.get_rng_state()
    eps = torch.full((6,), EPS[norm], dtype=torch.float64)
    case.attacked(attack, threat_named(norm, eps=eps))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == [True, False]
    assert bool((first.grad == 7).all())
    assert torch.equal(case.x, x) and not case.x.requires_grad
    assert torch.equal(case.labels, labels) and bool((eps == EPS[norm]).all())
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert torch.is_grad_enabled()


@every_attack
def test_an_empty_batch_gives_an_empty_batch(attack: Attack, norm: Norm, case: Case) -> None:
    empty = case.rows(torch.arange(0))
    assert empty.attacked(attack, threat_named(norm, eps=EPS[norm])).shape == (0, 2, 4, 4)


class Constant(nn.Module):
    """Says the same whatever it sees; its gradient is zero."""

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x.flatten(1)[:, :5] + torch.arange(5)


@every_attack
def test_a_model_without_a_gradient_is_survived(attack: Attack, norm: Norm, case: Case) -> None:
    x = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    constant = Case(Constant(), x, torch.tensor([4, 4, 4]), case.rng.rows(torch.arange(3)))
    adv = constant.attacked(attack, threat_named(norm, eps=EPS[norm]))
    assert bool(adv.isfinite().all())
    assert float(row_norm(adv - x, norm).max()) <= EPS[norm] + 1e-6


class Hollow(nn.Module):
    """Its gradient is not a number."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x).sqrt().flatten(1)[:, :5] + torch.arange(5)


@every_attack
def test_a_model_whose_gradient_is_not_a_number_is_survived_and_flagged(attack: Attack, norm: Norm, case: Case) -> None:
    x = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    oracle = ModelOracle.of(Hollow(), torch.tensor([4, 4, 4]))
    adv = attack.perturb(oracle, x, threat_named(norm, eps=EPS[norm]), rng=case.rng.rows(torch.arange(3)))
    assert bool(adv.isfinite().all())
    assert bool(oracle.bad_gradient.all()) == (attack.cost()[1] > 0 and attack.access == "white-box")


@every_attack
def test_a_spiking_model_can_be_attacked(attack: Attack, norm: Norm, case: Case, spiking: Build) -> None:
    model = spiking()
    victim = replace(case, model=model, labels=model(case.x).argmax(1))
    adv = victim.attacked(attack, threat_named(norm, eps=wide(attack, norm)))
    assert float(row_norm(adv - case.x, norm).max()) <= wide(attack, norm) + 1e-6
    assert bool((adv != case.x).any())


@every_attack
def test_no_sample_costs_more_than_announced(attack: Attack, norm: Norm, case: Case) -> None:
    oracle = case.oracle(stochastic=True)
    attack.perturb(oracle, case.x, threat_named(norm, eps=EPS[norm]), rng=case.rng)
    forwards, backwards = attack.cost()
    assert int(oracle.forwards.max()) <= forwards
    assert int(oracle.backwards.max()) <= backwards
    assert bool((oracle.backwards > 0).all()) == (backwards > 0)
    if not attack.batch_invariant or attack.kind == "minimal":
        return
    assert oracle.backwards.tolist() == [backwards] * 6
    if getattr(attack, "keep", "best") == "best":
        assert oracle.forwards.tolist() == [forwards] * 6


@dataclass(frozen=True)
class Watched(ModelOracle):
    """An oracle that remembers which rows it called broken, and which of these it was asked about later."""

    gone: set[int] = field(default_factory=set, kw_only=True)
    late: set[int] = field(default_factory=set, kw_only=True)

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        answer = super().query(x, rows, grad=grad)
        self.late.update(self.gone.intersection(rows.tolist()))
        self.gone.update(rows[answer.broken].tolist())
        return answer


@in_each_norm(LEAVING)
def test_a_broken_sample_is_left_alone_and_what_broke_it_is_returned(attack: Attack, norm: Norm, case: Case) -> None:
    labels = case.labels.clone()
    labels[0] = (labels[0] + 1) % 5
    oracle = Watched.of(case.model, labels)
    assert isinstance(oracle, Watched)
    adv = attack.perturb(oracle, case.x, threat_named(norm, eps=10 * EPS[norm]), rng=case.rng)
    assert oracle.gone and not oracle.late
    fooled = case.model(adv).argmax(1) != labels
    assert set(fooled.nonzero()[:, 0].tolist()) == oracle.gone


def test_the_textbook_form_runs_all_steps_and_returns_the_last_iterate(case: Case) -> None:
    oracle = case.oracle()
    adv = PGD(steps=4, random_start=False, keep="last", step_size=0.1).perturb(oracle, case.x, Linf(eps=0.5), rng=case.rng)
    expected = case.x
    for _ in range(4):
        gradient = case.oracle().query(expected, torch.arange(6), grad=True).gradient
        expected = (expected + 0.1 * gradient.sign()).clamp(case.x - 0.5, case.x + 0.5).clamp(0, 1)
    torch.testing.assert_close(adv, expected, rtol=0, atol=1e-14)
    assert oracle.backwards.tolist() == [4] * 6


def found(attack: Attack, threat: Threat, case: Case, objective: CrossEntropy | Margin) -> list[tuple[bool, float]]:
    """How good each sample's result is: broken beats any objective."""
    outputs = case.model(case.attacked(attack, threat, objective=objective))
    broken = objective.broken(outputs, case.labels).tolist()
    value = objective.value(outputs, case.labels, None).tolist()
    return [(b, math.inf if b else v) for b, v in zip(broken, value, strict=True)]


@both_norms
@pytest.mark.parametrize("objective", [CrossEntropy(), Margin()], ids=repr)
@pytest.mark.parametrize(
    "ladder",
    [
        [PGD(steps=k, step_size=0.05) for k in range(6)],
        [PGD(steps=1, step_size=0.02, restarts=k) for k in range(1, 6)],
        [MIFGSM(steps=k, step_size=0.05, decay=2.0) for k in range(6)],
        [UniformNoise(draws=k) for k in range(1, 8)],
        [GaussianNoise(draws=k) for k in range(1, 8)],
    ],
    ids=["steps", "restarts", "momentum steps", "uniform draws", "gaussian draws"],
)
def test_more_effort_never_finds_less(
    ladder: list[Attack], objective: CrossEntropy | Margin, norm: Norm, case: Case
) -> None:
    threat = threat_named(norm, eps=EPS[norm])
    results = [found(attack, threat, case, objective) for attack in ladder]
    for less, more in pairwise(results):
        assert all(b >= a for a, b in zip(less, more, strict=True))
    assert any(b > a for a, b in zip(results[0], results[-1], strict=True))


def test_the_objective_of_the_attack_overrides_that_of_the_oracle(case: Case) -> None:
    threat = Linf(eps=0.06)
    one = case.attacked(PGD(steps=3, objective="margin"), threat)
    assert torch.equal(one, case.attacked(PGD(steps=3), threat, objective=Margin()))
    assert not torch.equal(one, case.attacked(PGD(steps=3), threat))


@dataclass(frozen=True, kw_only=True)
class OnlyLinf(PGD):
    threats: ClassVar[ThreatKinds] = (Linf,)


def test_a_norm_that_the_attack_does_not_know_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="OnlyLinf attacks in linf, not in l2"):
        case.attacked(OnlyLinf(), L2(eps=0.1))


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"restarts": 0}, {"step_size": 0.0}, {"objective": "nonsense"}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        PGD(**wrong)
    with pytest.raises(ValueError):
        UniformNoise(draws=0)


def test_one_step_attacks_step_as_their_papers_say(case: Case) -> None:
    gradient = case.oracle().query(case.x, torch.arange(6), grad=True).gradient
    for norm in ("linf", "l2"):
        threat = threat_named(norm, eps=0.01)
        expected = (case.x + 0.01 * threat.steepest(gradient)).clamp(0, 1)
        torch.testing.assert_close(case.attacked(FGSM(keep="last"), threat), expected, rtol=0, atol=1e-12)
    assert RFGSM().default_step(torch.tensor(0.1)) == pytest.approx(0.125)
    assert PGD(steps=5).default_step(torch.tensor(0.1)) == pytest.approx(0.05)
    assert MIFGSM(steps=5).default_step(torch.tensor(0.1)) == pytest.approx(0.02)
