"""A plug-in's attack gets models and images by the same hook as those of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest
import torch
from support.tiny import Linear, labelled
from torch import Tensor, nn

import bench
import bench.data
from attacks.base import Access, Attack
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.resources import Parameters, Resources
from attacks.threats.threat import Threat
from bench.data.base import Samples
from bench.evaluation.request import attack_specs
from bench.evaluation.request.attack_specs import resolve_attack
from bench.foundation import registry
from bench.foundation.errors import BenchError, UnknownNameError

MODEL = Linear().eval()
DATA = labelled(MODEL, 20)


@dataclass(frozen=True, kw_only=True)
class NamesOnly:
    """What a spec of :class:`TowardsMean` may say."""

    data: str = ""
    judge: str = ""


@dataclass(frozen=True, kw_only=True)
class TowardsMean(Attack):
    """Moves every input towards the mean of some images, as far as the ball allows; holds a model it never asks."""

    access: ClassVar[Access] = "none"

    mean: Tensor = field(repr=False)
    judge: nn.Module = field(repr=False)

    @classmethod
    def from_spec(cls, params: Mapping[str, str], resources: Resources[Attack]) -> tuple[TowardsMean, Parameters]:
        given = resources.bind(NamesOnly, params)
        judge = resources.model(given.judge)
        attack = cls(mean=resources.images(given.data, "train", 5).mean(0), judge=judge.module)
        parameters = Parameters.of(given, params)
        return attack, Parameters(parameters.passed, {"judge_fingerprint": judge.fingerprint})

    def cost(self) -> tuple[int, int]:
        return 0, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        return threat.project(self.mean.to(x).expand_as(x), x)


@pytest.fixture(autouse=True)
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack is a plug-in, and images are at hand."""
    point = EntryPoint("towards_mean", f"{__name__}:TowardsMean", "bench.attacks")
    monkeypatch.setattr(EntryPoint, "load", lambda self: TowardsMean)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point] if group == point.group else [])
    monkeypatch.delitem(attack_specs.attack_registry.__dict__, "_plugins", raising=False)

    def load(name: str, *, split: str = "test", n: int | None = None) -> Samples:
        return Samples.of(torch.arange(50.0).view(50, 1, 1, 1).expand(50, 1, 3, 3) / 50, torch.arange(50))

    monkeypatch.setattr(bench.data, "load_samples", load)


def test_images_are_spread_evenly_over_the_split_and_models_come_with_their_fingerprint() -> None:
    resolved = resolve_attack("towards_mean:data=photos,judge=snn_vanilla")
    assert isinstance(resolved.attack, TowardsMean)
    assert float(resolved.attack.mean[0, 0, 0]) == pytest.approx((0 + 10 + 20 + 30 + 40) / 5 / 50)
    assert resolved.passed == {"data": "photos", "judge": "snn_vanilla"}
    assert resolved.defaulted["judge_fingerprint"]["name"] == "snn_vanilla"
    assert resolved.name == "towards_mean" and resolved.noise_draws == 1


def test_it_is_evaluated_as_any_other() -> None:
    record = bench.evaluate(MODEL, data=DATA, attack="towards_mean:data=photos,judge=snn_vanilla", eps="0.2")
    assert set(record.rows["status"]) == {"ok"}
    assert record.attacks[0].passed["judge"] == "snn_vanilla"


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("towards_mean:data=photos,judge=snn_vanila", UnknownNameError, "snn_vanilla"),
        ("towards_mean:date=photos", UnknownNameError, "attack towards_mean"),
        ("towards_mean:data=photos", BenchError, "is not a spec"),
    ],
)
def test_what_is_wrong_with_its_spec_is_one_sentence(spec: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        resolve_attack(spec)
    assert "\n" not in str(caught.value)
