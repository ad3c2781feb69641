"""Universal specs: training images are read and handed in, and what they are goes on record."""

from __future__ import annotations

import json

import pytest
import torch
from support.tiny import Linear, labelled

import bench
import bench.data
from attacks.universal import Universal
from bench.data.base import Samples
from bench.evaluation.request.attack_specs import resolve_attack
from bench.foundation.errors import DataError, SpecError, UnknownNameError

MODEL = Linear().eval()
DATA = labelled(MODEL, 20, wrong=2)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Stands in for the data on disk; says what was asked for."""
    asked = []

    def load(name: str, *, split: str = "test", n: int | None = None) -> Samples:
        asked.append((name, split))
        return Samples.of(torch.rand(50, *DATA[0].shape[1:], generator=torch.Generator().manual_seed(0)), torch.arange(50))

    monkeypatch.setattr(bench.data, "load_samples", load)
    return asked


def test_a_spec_reads_the_training_split_and_records_it(loaded: list[tuple[str, str]]) -> None:
    planned = resolve_attack("universal:data=photos,n=10,steps=5")
    assert isinstance(planned.attack, Universal) and len(planned.attack.images) == 10
    assert loaded == [("photos", "train")]
    assert planned.name == "universal" and planned.spec == "universal:data=photos,n=10,steps=5"
    assert planned.passed == {"data": "photos", "n": 10, "steps": 5}
    assert planned.defaulted["batch"] == 32 and planned.defaulted["split"] == "train"
    assert planned.defaulted["fitted_on"]["n"] == 10 and len(planned.defaulted["fitted_on"]["sha256"]) == 64
    json.dumps(planned.defaulted)
    assert planned.noise_draws == 1
    assert len(resolve_attack("universal:data=photos").attack.images) == 50


def test_what_cannot_be_resolved_is_one_sentence(loaded: list[tuple[str, str]]) -> None:
    with pytest.raises(SpecError, match="needs images to be fitted on"):
        resolve_attack("universal")
    with pytest.raises(SpecError, match="cannot be fitted on 0 images"):
        resolve_attack("universal:data=photos,n=0")
    with pytest.raises(SpecError, match="at least one step"):
        resolve_attack("universal:data=photos,steps=0")
    with pytest.raises(UnknownNameError, match="size"):
        resolve_attack("universal:data=photos,size=3")


def test_an_unknown_set_and_a_missing_one_say_so() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: photos"):
        resolve_attack("universal:data=photo")
    with pytest.raises(DataError, match="--from PATH"):
        resolve_attack("universal:data=kadid10k")


def test_images_of_one_s_own_are_fitted_on_and_others_are_another_request() -> None:
    def rand(seed: int) -> torch.Tensor:
        return torch.rand(30, *DATA[0].shape[1:], generator=torch.Generator().manual_seed(seed))

    records = [
        bench.evaluate(MODEL, data=DATA, attack=Universal(images=rand(seed), steps=10, batch=10), eps="0.4")
        for seed in (0, 0, 1)
    ]
    assert records[0].identity == records[1].identity != records[2].identity
    noise, robust = records[0].results[0].noise.value, records[0].results[0].robust.value
    assert robust <= noise
    assert records[0].rows["backwards"].fillna(0).max() == 0


def test_images_of_another_size_are_refused_before_anything_runs() -> None:
    wrong = Universal(images=torch.rand(3, 1, 2, 2), steps=1)
    with pytest.raises(SpecError, match=r"for inputs \(1, 3, 3\) cannot be fitted on inputs \(1, 2, 2\)"):
        bench.evaluate(MODEL, data=DATA, attack=wrong, eps="0.1", n=4)
