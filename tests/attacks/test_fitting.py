"""An attack says beforehand where it cannot work, and a cascade leaves out the stages that do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from attacks import ATTACKS
from attacks.adapters import foolbox as fb
from attacks.adapters import torchattacks as ta
from attacks.adapters import torchattacks_auto as auto
from attacks.apgd import APGD
from attacks.base import Attack, Stage
from attacks.boundary import ScoreBoundary
from attacks.cascade import Cascade, fitting
from attacks.corners import BlindCorners, Corners
from attacks.estimated import NES, SPSA
from attacks.fitting import Traits
from attacks.fmn import FMN
from attacks.hopskipjump import HopSkipJump
from attacks.korhonen import Korhonen
from attacks.learning_corners import LearningCorners
from attacks.madc import MADC
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.near_corners import NearCorners
from attacks.noise import GaussianNoise, SignNoise, UniformNoise
from attacks.perceptual import Perceptual
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.standard import Quick, Standard, Thorough
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat
from attacks.transfer import Transfer
from attacks.universal import Universal
from attacks.warm_apgd import WarmAPGD

Build = Callable[..., Any]
IMAGE, EVENTS, FEATURES = (2, 10, 10), (3, 2, 5, 5), (9,)
IMAGES_ONLY: list[Attack] = [
    Square(queries=8),
    Corners(queries=8),
    BlindCorners(queries=8),
    LearningCorners(queries=30),
    NearCorners(queries=30),
    ScoreBoundary(queries=60, probes=8),
    Korhonen(steps=2),
    Perceptual(steps=2),
    Perceptual(steps=2, likeness="mse"),
    Perceptual(steps=2, likeness="haar"),
    ta.PGDL2(steps=2),
    ta.MIFGSM(steps=2),
    ta.NIFGSM(steps=2),
    ta.VMIFGSM(steps=2, neighbours=2),
    auto.APGD(steps=4),
    auto.APGDT(steps=3),
    auto.Square(queries=5),
    auto.AutoAttack(mode="rand"),
]
ANY_SHAPE: list[Attack] = [
    PGD(steps=2),
    MIFGSM(steps=2),
    MADC(steps=2),
    APGD(steps=3),
    WarmAPGD(steps=3),
    SAPGD(steps=3),
    NES(steps=1, pairs=2),
    SPSA(steps=1, pairs=2),
    UniformNoise(),
    SignNoise(),
    GaussianNoise(),
    FMN(steps=3),
    HopSkipJump(queries=120, probes=5),
    fb.FGSM(),
    fb.FGM(),
    fb.LinfPGD(steps=2),
    fb.L2PGD(steps=2),
    fb.LinfAdamPGD(steps=2),
    fb.L2AdamPGD(steps=2),
    fb.DDN(steps=3),
    fb.LInfFMN(steps=3),
    fb.DeepFool(steps=2),
    fb.CarliniWagner(searches=1, steps=3),
    ta.FGSM(),
    ta.PGD(steps=2),
    ta.EOTPGD(steps=2),
    auto.FAB(steps=2),
    Quick(),
]


class Sine(nn.Module):
    """Inputs of any shape to five logits."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.read = torch.randn(5, torch.Size(shape).numel(), generator=generator, dtype=torch.float64) / 2

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(2 * x.flatten(1)) @ self.read.T.to(x)


def case(shape: tuple[int, ...]) -> tuple[nn.Module, Tensor, ModelOracle]:
    """A model, inputs of a shape, and an oracle."""
    model = Sine(shape)
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return model, x, ModelOracle.of(model, model(x).argmax(1))


@pytest.mark.parametrize("shape", [EVENTS, FEATURES], ids=str)
@pytest.mark.parametrize("attack", IMAGES_ONLY, ids=repr)
def test_what_is_made_for_images_refuses_other_shapes_before_it_asks(
    attack: Attack, shape: tuple[int, ...], streams: Build
) -> None:
    _, x, oracle = case(shape)
    threat = threat_named(attack.threats[-1].name if isinstance(attack, ta.PGDL2) else "linf", eps=0.1)
    reason = attack.misfit(threat, shape, Traits())
    assert reason is not None and "needs images (C, H, W)" in reason and str(shape) in reason
    with pytest.raises(ValueError, match="needs images"):
        attack.perturb(oracle, x, threat, rng=streams(3))
    assert oracle.forwards.tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [IMAGE, EVENTS, FEATURES], ids=str)
@pytest.mark.parametrize("attack", ANY_SHAPE, ids=repr)
def test_what_says_that_it_works_on_a_shape_works(attack: Attack, shape: tuple[int, ...], streams: Build) -> None:
    for name in ("linf", "l2"):
        threat = threat_named(name, eps=0.2)
        if attack.misfit_of_threat(threat) is not None:
            continue
        _, x, oracle = case(shape)
        assert attack.misfit(threat, shape, Traits()) is None
        adv = attack.perturb(oracle, x, threat, rng=streams(3))
        assert adv.shape == x.shape and float(threat.excess(adv, x).max()) <= 1e-6


@pytest.mark.parametrize("attack", IMAGES_ONLY, ids=repr)
def test_images_fit_those_made_for_them(attack: Attack, streams: Build) -> None:
    for name in ("linf", "l2"):
        threat = threat_named(name, eps=0.2)
        if attack.misfit_of_threat(threat) is not None:
            continue
        _, x, oracle = case(IMAGE)
        assert attack.misfit(threat, IMAGE, Traits()) is None
        assert attack.perturb(oracle, x, threat, rng=streams(3)).shape == x.shape


def test_every_attack_of_the_catalogue_is_in_one_of_the_tables() -> None:
    tried = {type(attack) for attack in [*IMAGES_ONLY, *ANY_SHAPE]}
    tables = {f"{kind.__module__}:{kind.__qualname__}" for kind in tried}
    like_others = {
        *(f"attacks.fgsm:{name}" for name in ("FGSM", "RFGSM")),
        *(f"attacks.adapters.foolbox:{name}" for name in ("LinfDeepFool", "L2DeepFool")),
        *(f"attacks.standard:{name}" for name in ("Standard", "Thorough")),
        *(
            f"attacks.standard_{version}:{name}{version}"
            for version in (3, 4, 5)
            for name in ("Quick", "Standard", "Thorough")
        ),
        "attacks.transfer:Transfer",  # as the attack on its source
        "attacks.universal:Universal",  # as its images
    }
    on_events = {where for where in ATTACKS.values() if where.startswith("attacks.events.")}  # tables of their own
    assert set(ATTACKS.values()) - on_events == tables | like_others


@pytest.mark.parametrize(
    ("attack", "shape"),
    [(Square(), (1, 3, 8)), (Korhonen(), (1, 2, 8)), (Perceptual(likeness="haar"), (3, 1, 8)), (ScoreBoundary(), (3, 8, 2))],
    ids=repr,
)
def test_images_may_be_too_small(attack: Attack, shape: tuple[int, ...]) -> None:
    assert "of at least" in (attack.misfit(Linf(eps=0.1), shape, Traits()) or "")


@pytest.mark.parametrize(("side", "fits"), [(4, False), (8, True), (12, False), (28, True), (32, True)])
def test_square_of_torchattacks_says_which_images_it_can_tile_in_l2(side: int, fits: bool) -> None:
    assert (auto.Square().misfit(L2(eps=1.0), (3, side, side), Traits()) is None) == fits
    assert auto.Square().misfit(Linf(eps=0.1), (3, side, side), Traits()) is None


def test_a_universal_perturbation_fits_the_shape_of_its_images() -> None:
    universal = Universal(images=torch.rand(2, *EVENTS))
    assert universal.misfit(Linf(eps=0.1), EVENTS, Traits()) is None
    assert "cannot be fitted on inputs (3, 2, 5, 5)" in (universal.misfit(Linf(eps=0.1), IMAGE, Traits()) or "")


def test_a_transfer_fits_where_the_attack_on_its_source_does() -> None:
    source = Sine(EVENTS).eval()
    assert "needs images" in (Transfer(model=source, attack=Square()).misfit(Linf(eps=0.1), EVENTS, Traits()) or "")
    blind = Traits(differentiable=False)
    assert Transfer(model=source).misfit(Linf(eps=0.1), EVENTS, blind) is None
    assert "change of class" in (Transfer(model=source, attack=FMN()).misfit_of_model(Traits(scores=True)) or "")


def test_gradients_need_a_model_that_has_them() -> None:
    blind = Traits(differentiable=False)
    assert PGD().misfit(Linf(eps=0.1), IMAGE, blind) == "PGD follows gradients, and this model has none"
    assert all(attack.misfit(Linf(eps=0.1), IMAGE, blind) is None for attack in (Square(), NES(), UniformNoise()))


@pytest.mark.parametrize("cascade", [Quick(), Standard(), Thorough()], ids=repr)
@pytest.mark.parametrize("traits", [Traits(), Traits(spiking=True), Traits(spiking=True, coded=True), Traits(scores=True)])
@pytest.mark.parametrize("kind", [Linf, L2])
def test_on_images_nothing_is_left_out(cascade: Cascade, traits: Traits, kind: type[Threat]) -> None:
    stages = cascade.stages(kind, traits)
    assert fitting(stages, kind(eps=0.1), (3, 32, 32), traits) == (stages, ())


@pytest.mark.parametrize(
    ("cascade", "traits", "names"),
    [
        (Standard(), Traits(differentiable=False), ["Square", "Square, longer", "boundary", "HopSkipJump", "blind corners"]),
        (Standard(), Traits(differentiable=False, scores=True), ["Square", "Square, longer", "boundary"]),
        (Quick(), Traits(differentiable=False), ["Square"]),
        (Quick(), Traits(differentiable=False, scores=True), ["Square"]),
        (Thorough(), Traits(differentiable=False), ["Square", "Square, longer", "boundary", "HopSkipJump", "blind corners"]),
    ],
)
@pytest.mark.parametrize("kind", [Linf, L2])
def test_without_gradients_only_searches_without_them_are_left(
    cascade: Cascade, traits: Traits, names: list[str], kind: type[Threat]
) -> None:
    kept, left_out = fitting(cascade.stages(kind, traits), kind(eps=0.1), IMAGE, traits)
    assert [stage.name for stage in kept] == names
    assert all("follows gradients" in each.reason for each in left_out)


def test_on_event_frames_square_and_corners_are_left_out() -> None:
    stages = Standard().stages(Linf, Traits(spiking=True))
    kept, left_out = fitting(stages, Linf(eps=0.1), EVENTS, Traits(spiking=True))
    assert kept == stages[:-5]
    assert [(one.stage.name, one.reason) for one in left_out] == [
        ("Square", "Square needs images (C, H, W) of at least 4 x 4 pixels, not inputs (3, 2, 5, 5)"),
        *(
            (stage.name, f"{type(stage.attack).__name__} needs images (C, H, W), not inputs (3, 2, 5, 5)")
            for stage in stages[-4:]
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class OfTwo(Cascade):
    """A search for images, and one for linf."""

    moves_scores: ClassVar[bool] = True

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        return Stage("square", Square(queries=3)), Stage("sapgd", SAPGD(steps=2))


def test_a_cascade_runs_the_stages_that_fit(streams: Build) -> None:
    model, x, oracle = case(EVENTS)
    adv = OfTwo().perturb(oracle, x, Linf(eps=0.1), rng=streams(3))
    alone = ModelOracle.of(model, oracle.labels)
    expected = SAPGD(steps=2).perturb(alone, x, Linf(eps=0.1), rng=streams(3).fold("stage", 0))
    assert torch.equal(adv, expected)


def test_a_cascade_of_which_nothing_fits_says_why(streams: Build) -> None:
    _, x, oracle = case(EVENTS)
    with pytest.raises(ValueError, match=r"No stage of OfTwo fits: Square needs .*; SAPGD attacks in linf, not in l2"):
        OfTwo().perturb(oracle, x, L2(eps=0.1), rng=streams(3))
