"""A threat that the suite does not know is one file: attacks and noise work under it as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from attacks import THREATS
from attacks.apgd import APGD
from attacks.base import Attack
from attacks.boundary import ScoreBoundary
from attacks.estimated import NES, SPSA
from attacks.fgsm import FGSM
from attacks.fmn import FMN
from attacks.hopskipjump import HopSkipJump
from attacks.korhonen import Korhonen
from attacks.lattice import EightBit
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.noise import GaussianNoise, SignNoise, UniformNoise
from attacks.perceptual import Perceptual
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.threats.catalogue import threat_named
from attacks.universal import Universal

Build = Callable[..., Any]
EPS = 1.5

WORKING: list[Attack] = [
    PGD(steps=5),
    FGSM(),
    MIFGSM(steps=3),
    APGD(steps=6),
    UniformNoise(draws=3),
    SignNoise(),
    GaussianNoise(),
    NES(steps=2, pairs=3),
    SPSA(steps=2, pairs=3),
    ScoreBoundary(queries=60, probes=8),
    Korhonen(steps=3),
    Perceptual(steps=3, likeness="mse"),
    FMN(steps=30),
    HopSkipJump(queries=300, probes=20),
    Universal(images=torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(3)), steps=4, batch=3),
]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """``l1`` is in the catalogue."""
    monkeypatch.setitem(THREATS, "l1", "support.l1_ball:L1")


@pytest.mark.parametrize("attack", WORKING, ids=repr)
def test_attacks_work_under_it(attack: Attack, smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(6)
    oracle = ModelOracle.of(model, model(x).argmax(1))
    threat = threat_named("l1", eps=EPS * (4 if attack.kind == "minimal" else 1))
    adv = attack.perturb(oracle, x, threat, rng=streams(6))
    assert float((adv - x).flatten(1).abs().sum(1).max()) <= float(threat.eps) + 1e-9
    assert float(adv.min()) >= 0 and float(adv.max()) <= 1
    assert bool((adv != x).any())


def test_pgd_beats_noise_under_it(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(40)
    labels = model(x).argmax(1)

    def standing(attack: Attack) -> float:
        adv = attack.perturb(ModelOracle.of(model, labels), x, threat_named("l1", eps=EPS), rng=streams(40))
        return float((model(adv).argmax(1) == labels).double().mean())

    assert standing(PGD(steps=10)) < standing(UniformNoise()) - 0.2


@pytest.mark.parametrize("attack", [SAPGD(), Square()], ids=repr)
def test_what_is_made_for_other_threats_says_so(attack: Attack, smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(2)
    with pytest.raises(ValueError, match=r"attacks in linf.*, not in l1"):
        attack.perturb(ModelOracle.of(model, model(x).argmax(1)), x, threat_named("l1", eps=EPS), rng=streams(2))


def test_images_of_eight_bits_stay_in_its_ball(images: Build, streams: Build) -> None:
    x, threat = images(6), threat_named("l1", eps=EPS)
    rounded = EightBit().nearest(threat.random(x, streams(6)), x, threat)
    assert float(threat.excess(rounded, x).max()) <= 1e-6
