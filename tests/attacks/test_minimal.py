"""Minimal-norm attacks: how near they come where the nearest point is known, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.norms import Norm, row_norm
from support.statistics import at_least
from torch import Tensor, nn

from attacks.base import Attack
from attacks.fmn import FMN
from attacks.hopskipjump import HopSkipJump
from attacks.minimal import within
from attacks.model_oracle import ModelOracle
from attacks.oracle import Answer
from attacks.randomness import KeyedRng
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf

Build = Callable[..., Any]
WEIGHT = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


class Linear(nn.Module):
    def lead(self, x: Tensor) -> Tensor:
        return (x - 0.5).flatten(1) @ WEIGHT

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([-self.lead(x), self.lead(x)], 1)


@pytest.fixture
def grey() -> Tensor:
    return 0.4 + 0.2 * torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def nearest(x: Tensor, norm: Norm) -> Tensor:
    """Distance of each row to the boundary of :class:`Linear`."""
    return Linear().lead(x).abs() / (WEIGHT.abs().sum() if norm == "linf" else WEIGHT.norm())


@both_norms
@pytest.mark.parametrize(
    ("attack", "closest"),
    [(FMN(), 1.05), (FMN(steps=300), 1.01), (HopSkipJump(queries=3000), 1.25)],
    ids=repr,
)
def test_they_come_close_to_the_nearest_point_of_a_linear_model(
    attack: Attack, closest: float, norm: Norm, grey: Tensor, streams: Build
) -> None:
    oracle = ModelOracle.of(Linear(), Linear()(grey).argmax(1), micro_batch=4096)
    adv = attack.perturb(oracle, grey, threat_named(norm, eps=10.0), rng=streams(5))
    assert bool((Linear()(adv).argmax(1) != oracle.labels).all())
    ratio = row_norm(adv - grey, norm) / nearest(grey, norm)
    assert float(ratio.min()) >= 1 - 1e-9
    assert float(ratio.max()) <= closest


@both_norms
@pytest.mark.parametrize("attack", [FMN(), HopSkipJump()], ids=repr)
def test_the_ball_decides_only_whether_what_was_found_counts(
    attack: Attack, norm: Norm, grey: Tensor, streams: Build
) -> None:
    labels = Linear()(grey).argmax(1)

    def found(eps: float | Tensor) -> Tensor:
        oracle = ModelOracle.of(Linear(), labels, micro_batch=4096)
        return attack.perturb(oracle, grey, threat_named(norm, eps=eps), rng=streams(5))

    free = found(10.0)
    reached = row_norm(free - grey, norm)
    odd = torch.arange(5) % 2 == 1
    expected = torch.where(odd.view(5, 1, 1, 1), free, grey)
    assert torch.equal(found(torch.where(odd, reached * (1 + 1e-12), 0.999 * reached)), expected)


@both_norms
def test_more_queries_bring_hopskipjump_nearer(norm: Norm, smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(30)
    labels = model(x).argmax(1)
    distances = []
    for queries in (100, 400, 2000):
        oracle = ModelOracle.of(model, labels, micro_batch=4096)
        adv = HopSkipJump(queries=queries, probes=30).perturb(oracle, x, threat_named(norm, eps=99.0), rng=streams(30))
        assert bool((model(adv).argmax(1) != labels).all())
        assert int(oracle.forwards.max()) <= queries
        distances.append(row_norm(adv - x, norm))
    # A row that was far from the boundary may come nearer by much, which would widen the error more than it raises the mean.
    assert all(at_least((less / more).log().clamp(max=1.0)) > 0 for less, more in pairwise(distances))


class DecisionsOnly(ModelOracle):
    """An oracle that gives nothing away but decisions."""

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        answer = super().query(x, rows, grad=grad)
        assert not grad and set(answer.value.tolist()) <= {0.0, 1.0}
        return answer

    def logits(self, x: Tensor, rows: Tensor, **settings: object) -> Tensor:
        outputs = super().logits(x, rows, **settings)
        return torch.nn.functional.one_hot(outputs.argmax(1), outputs.shape[1]).to(outputs)


def test_hopskipjump_needs_nothing_but_decisions(grey: Tensor, streams: Build) -> None:
    labels, threat = Linear()(grey).argmax(1), L2(eps=10.0)
    seen = [
        HopSkipJump(queries=300).perturb(kind.of(Linear(), labels, micro_batch=4096), grey, threat, rng=streams(5))
        for kind in (DecisionsOnly, ModelOracle)
    ]
    assert torch.equal(*seen)


def test_hopskipjump_leaves_a_sample_it_finds_no_start_for(streams: Build, grey: Tensor) -> None:
    class Stubborn(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.flatten(1).sum(1) + 1, -x.flatten(1).sum(1)], 1)

    oracle = ModelOracle.of(Stubborn(), torch.zeros(5).long())
    adv = HopSkipJump().perturb(oracle, grey, Linf(eps=1.0), rng=streams(5))
    assert torch.equal(adv, grey)
    assert oracle.forwards.tolist() == [51] * 5


@pytest.mark.parametrize("attack", [FMN(steps=20), HopSkipJump(queries=100)], ids=repr)
def test_what_is_misclassified_already_is_its_own_nearest_point(attack: Attack, grey: Tensor, streams: Build) -> None:
    oracle = ModelOracle.of(Linear(), 1 - Linear()(grey).argmax(1))
    assert torch.equal(attack.perturb(oracle, grey, Linf(eps=1.0), rng=streams(5)), grey)


@both_norms
def test_fmn_comes_as_near_as_foolbox(norm: Norm, smooth: Build, images: Build) -> None:
    foolbox = pytest.importorskip("foolbox")
    model, x = smooth(), images(200)
    labels = model(x).argmax(1)
    ours = FMN(steps=60).perturb(
        ModelOracle.of(model, labels), x, threat_named(norm, eps=99.0), rng=KeyedRng.of(0, torch.arange(200))
    )
    # Its own FMN in l2 does not project, hence DDN.
    kind = foolbox.attacks.LInfFMNAttack if norm == "linf" else foolbox.attacks.DDNAttack
    theirs = kind(steps=60).run(
        foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), x, foolbox.criteria.Misclassification(labels)
    )
    fell, fell_there = (model(adv).argmax(1) != labels for adv in (ours, theirs))
    # DDN moves on a sphere, so it does not come to rest on a hill of the margin: it breaks all 200, FMN in l2 158.
    assert float(fell_there.double().mean()) > 0.9
    assert at_least(fell) > (0.9 if norm == "linf" else 0.6)
    both = fell & fell_there
    distance, other = (row_norm(adv - x, norm)[both] for adv in (ours, theirs))
    assert float(distance.median()) <= 1.02 * float(other.median())  # 1.000 in linf, 0.91 in l2


@given(st.integers(0, 2**31), st.sampled_from(["linf", "l2"]))
def test_within_keeps_the_ball_and_what_is_no_number(seed: int, norm: Norm) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(6, 3, generator=generator)
    found = x + 0.2 * torch.randn(6, 3, generator=generator)
    found[0, 1] = torch.nan
    eps = torch.rand(6, generator=generator) / 2
    kept = within(found, x, threat_named(norm, eps=eps))
    size = row_norm(found.double() - x.double(), norm)
    for row in range(1, 6):
        inside = float(size[row]) <= float(eps[row])
        assert torch.equal(kept[row], found[row] if inside else x[row])
    assert torch.equal(kept[0].isnan(), found[0].isnan())


@pytest.mark.parametrize(
    "wrong",
    [(FMN, {"steps": 0}), (FMN, {"gamma": 1.0}), (FMN, {"step_size": 0.0}), (HopSkipJump, {"queries": 0})],
)
def test_settings_that_make_no_sense_are_refused(wrong: tuple[type[Attack], dict[str, Any]]) -> None:
    with pytest.raises(ValueError):
        wrong[0](**wrong[1])
