"""The attack sets: their budgets, what they degenerate to, and that no stage is wasted on what has fallen."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from support.norms import Norm
from torch import Tensor

from attacks import attack_sets
from attacks.base import Attack, Stage
from attacks.cascade import Cascade
from attacks.fitting import Traits
from attacks.gradients.base import Training
from attacks.model_oracle import ModelOracle
from attacks.noise import UniformNoise
from attacks.oracle import Oracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.standard import Quick, Standard, Thorough
from attacks.standard_3 import Quick3, Standard3, Thorough3
from attacks.standard_4 import Quick4, Standard4, Thorough4
from attacks.standard_5 import Quick5, Standard5, Thorough5
from attacks.threats.catalogue import threat_kind
from attacks.threats.events_l0 import EventsL0
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]
SETS = [
    *(Quick(), Standard(), Thorough()),
    *(Quick3(), Standard3(), Thorough3()),
    *(Quick4(), Standard4(), Thorough4()),
    *(Quick5(), Standard5(), Thorough5()),
]


def spent(stages: tuple[Stage, ...]) -> tuple[int, int]:
    """(pairs, further forwards) of a sample that survives all stages; a mixed path would count twice."""
    costs = [stage.attack.cost() for stage in stages]
    pairs = sum(backwards for _, backwards in costs)
    return pairs, sum(forwards for forwards, _ in costs) - pairs


@pytest.mark.parametrize("spiking", [True, False], ids=["spiking", "smooth"])
def test_the_budgets_hold(spiking: bool) -> None:
    pairs, forwards = spent(Quick().stages(Linf, Traits(spiking=spiking)))
    assert pairs <= 150 and forwards <= 100 + 10
    pairs, forwards = spent(Standard().stages(Linf, Traits(spiking=spiking, coded=spiking)))
    assert pairs <= (690 if spiking else 1190) and forwards <= (14_300 if spiking else 13_300)
    pairs, forwards = spent(Standard4().stages(Linf, Traits(spiking=spiking, coded=spiking)))
    assert pairs <= (790 if spiking else 1100) and forwards <= 2400
    before, further = spent(Standard3().stages(Linf, Traits(spiking=spiking, coded=spiking)))
    forward = 0.43  # of a pair, on the compact networks
    assert pairs + forward * forwards <= before + forward * further
    assert spent(Thorough().stages(Linf, Traits(spiking=spiking)))[0] > pairs


@pytest.mark.parametrize("cascade", SETS, ids=repr)
@pytest.mark.parametrize("spiking", [True, False], ids=["spiking", "smooth"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_stages_fit(cascade: Cascade, spiking: bool, norm: Norm) -> None:
    stages = cascade.stages(threat_kind(norm), Traits(spiking=spiking))
    assert len(stages) >= 2
    assert len({stage.name for stage in stages}) == len(stages)
    assert all(issubclass(threat_kind(norm), stage.attack.threats) for stage in stages)
    if not spiking:
        assert all(stage.path in (None, Training()) for stage in stages)


def test_a_cheap_stage_comes_first_and_thorough_contains_standard() -> None:
    for cascade in SETS:
        stages = cascade.stages(Linf, Traits(spiking=True))
        assert stages[0].attack.cost()[1] <= 10
    for standard, thorough in ((Standard(), Thorough()), (Standard4(), Thorough4()), (Standard5(), Thorough5())):
        stages = {repr(stage) for stage in standard.stages(Linf, Traits(spiking=True)) if stage.name != "Square"}
        assert stages <= {repr(stage) for stage in thorough.stages(Linf, Traits(spiking=True))}


@pytest.mark.parametrize(
    ("after", "before"),
    [(Quick5(), Quick4()), (Standard5(), Standard4()), (Thorough5(), Thorough4())],
    ids=["quick", "standard", "thorough"],
)
def test_version_5_differs_on_spiking_networks_in_linf_and_on_scores(after: Cascade, before: Cascade) -> None:
    spiking, coded = Traits(spiking=True), Traits(spiking=True, coded=True)
    for kind, traits in (
        (L2, spiking),
        (Linf, Traits()),
        (Linf, Traits(differentiable=False)),
        (EventsL0, spiking),
    ):
        assert before.stages(kind, traits) == after.stages(kind, traits)
    for traits in (spiking, coded, Traits(scores=True), Traits(spiking=True, scores=True)):
        moved = before.stages(Linf, traits) != after.stages(Linf, traits)
        assert moved == (not isinstance(after, Quick))


@pytest.mark.parametrize(
    ("after", "before"),
    [(Quick(), Quick5()), (Standard(), Standard5()), (Thorough(), Thorough5())],
    ids=["quick", "standard", "thorough"],
)
def test_version_6_searches_corners_otherwise_on_images(after: Cascade, before: Cascade) -> None:
    scoring, blind = Traits(scores=True), Traits(differentiable=False)
    for kind, traits in ((Linf, scoring), (L2, scoring), (EventsL0, Traits()), (EventsL0, Traits(spiking=True))):
        assert before.stages(kind, traits) == after.stages(kind, traits)
    for traits in (Traits(spiking=True), Traits(spiking=True, coded=True), Traits(), Traits(rounds=True), blind):
        for kind in (Linf, L2):
            of_before, of_after = before.stages(kind, traits), after.stages(kind, traits)
            others = {stage.name for stage in (*of_before, *of_after) if (stage in of_before) != (stage in of_after)}
            assert others == set() if isinstance(after, Quick) else others and all("corners" in name for name in others)
            kept = [[stage for stage in stages if stage.name not in others] for stages in (of_before, of_after)]
            assert kept[0] == kept[1]


def test_version_5_moves_pairs_into_corners() -> None:
    before, now = (spent(which.stages(Linf, Traits(spiking=True, coded=True))) for which in (Standard4(), Standard5()))
    assert before[0] - now[0] >= 100 and now[0] <= 660 and now[1] <= 8300
    names = [[stage.name for stage in which.stages(Linf, Traits(spiking=True))] for which in (Standard4(), Standard5())]
    assert [name.replace("200", "50") for name in names[0]] == names[1]


@pytest.mark.parametrize("today", [3, 4, 5, 6])
def test_the_catalogue_names_every_version_and_one_without_a_number(today: int) -> None:
    entries = attack_sets(today)
    for name in ("quick", "standard", "thorough"):
        where, attribute = entries[name].split(":")
        assert getattr(importlib.import_module(where), attribute).version == today
        others = {key for key in entries if key.startswith(f"{name}@")}
        assert others == {f"{name}@{version}" for version in (3, 4, 5, 6) if version != today}
        for key in others:
            where, attribute = entries[key].split(":")
            assert getattr(importlib.import_module(where), attribute).version == int(key.partition("@")[2])


@dataclass(frozen=True, kw_only=True)
class Watching(Attack):
    """Notes which rows it was given; adds nothing."""

    seen: list[int]

    def cost(self) -> tuple[int, int]:
        return 0, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.seen.append(len(x))
        return x


def test_each_stage_sees_only_what_stands(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(8)
    labels, seen = model(x).argmax(1), []

    @dataclass(frozen=True, kw_only=True)
    class Two(Cascade):
        def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
            return (
                Stage("noise", UniformNoise()),
                Stage("first", Watching(seen=seen)),
                Stage("pgd", PGD(steps=5)),
                Stage("second", Watching(seen=seen)),
            )

    oracle = ModelOracle.of(model, labels)
    adv = Two().perturb(oracle, x, Linf(eps=0.05), rng=streams(torch.arange(8)))
    standing = int((model(adv).argmax(1) == labels).sum())
    assert seen[0] == int((oracle.backwards > 0).sum())
    assert seen[1:] == ([standing] if standing else [])
    assert oracle.backwards.max() <= 5
