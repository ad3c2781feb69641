"""Attacks ask for what text cannot hold, and say what goes on record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.mifgsm import MIFGSM
from attacks.pgd import PGD
from attacks.resources import OpenedModel, Parameters, Proxy
from attacks.transfer import Transfer
from attacks.universal import Universal


@dataclass
class Shelf:
    """A few resources; notes what was asked for."""

    asked: list[Any] = field(default_factory=list)

    def bind(self, kind: type[Any], params: Mapping[str, str]) -> Any:
        numbers = {"n", "steps", "batch"}
        return kind(**{key: int(value) if key in numbers else value for key, value in params.items()})

    def model(self, ref: str, *, proxy: Proxy | None = None) -> OpenedModel:
        self.asked.append((ref, proxy))
        return OpenedModel(nn.Identity().eval(), {"name": ref})

    def fingerprint(self, module: nn.Module) -> dict[str, Any]:
        return {"parameters_sha256": "0123456789", "structure_sha256": type(module).__name__}

    def images(self, dataset: str, split: str, n: int) -> Tensor:
        self.asked.append((dataset, split, n))
        return torch.zeros(n, 1, 2, 2)

    def attack(self, spec: str) -> Attack:
        return {"mifgsm": MIFGSM(), "pgd": PGD(steps=3)}[spec]

    def name_of(self, attack: Attack) -> str:
        return type(attack).__name__.lower()

    def path(self, spec: str) -> GradientPath:
        return {"training": Training(), "bptt": BPTT()}[spec]


def test_parameters_are_told_apart_by_who_chose_them() -> None:
    parameters = Parameters.of(PGD(steps=3), {"steps"})
    assert parameters.passed == {"steps": 3}
    assert parameters.defaulted["restarts"] == 1 and "steps" not in parameters.defaulted


def test_by_default_parameters_are_fields() -> None:
    attack, parameters = PGD.from_spec({"steps": "3"}, Shelf())
    assert attack == PGD(steps=3)
    assert parameters == attack.recorded(Shelf()) == Parameters.of(attack, {"steps"})


def test_a_transfer_asks_for_its_source_and_records_what_it_holds() -> None:
    shelf = Shelf()
    attack, parameters = Transfer.from_spec({"source": "some_model", "attack": "pgd"}, shelf)
    assert shelf.asked == [("some_model", None)]
    assert attack.attack == PGD(steps=3) and attack.parts == (PGD(steps=3),)
    assert parameters.passed == {"source": "some_model", "attack": "pgd"}
    assert parameters.defaulted["source_fingerprint"] == {"name": "some_model"}
    assert parameters.defaulted["attack_parameters"]["name"] == "pgd"
    assert parameters.defaulted["attack_parameters"]["steps"] == 3
    assert parameters.defaulted["path_parameters"] == {"type": "Training", "coding": None}
    assert "proxy" not in parameters.defaulted


def test_a_proxy_is_asked_for_and_on_record() -> None:
    shelf = Shelf()
    _, parameters = Transfer.from_spec({"source": "some_model", "proxy": "relu"}, shelf)
    assert shelf.asked == [("some_model", "relu")] and parameters.passed["proxy"] == "relu"
    _, plain = Transfer.from_spec({"source": "some_model", "proxy": "none"}, shelf)
    assert "proxy" not in plain.passed | plain.defaulted


def test_a_source_of_one_s_own_is_known_by_its_hashes() -> None:
    parameters = Transfer(model=nn.Identity().eval(), path=BPTT()).recorded(Shelf())
    assert parameters.spec is not None and parameters.spec.startswith("transfer:source=Identity-01234567,attack=MIFGSM(")
    assert parameters.passed["path"] == repr(BPTT())
    assert parameters.defaulted["source_fingerprint"]["structure_sha256"] == "Identity"


def test_a_universal_perturbation_asks_for_training_images_and_records_their_hash() -> None:
    shelf = Shelf()
    attack, parameters = Universal.from_spec({"data": "photos", "n": "7", "steps": "5"}, shelf)
    assert shelf.asked == [("photos", "train", 7)] and len(attack.images) == 7
    assert parameters.passed == {"data": "photos", "n": 7, "steps": 5}
    assert parameters.defaulted["split"] == "train" and parameters.defaulted["fitted_on"]["n"] == 7
    recorded = attack.recorded(shelf)
    assert recorded.defaulted["fitted_on"] == parameters.defaulted["fitted_on"]
    assert recorded.spec == f"universal:images={recorded.defaulted['fitted_on']['sha256'][:8]},steps=5,batch=32"


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        (Transfer, {}, "needs a source"),
        (Universal, {}, "needs images to be fitted on"),
        (Universal, {"data": "photos", "n": "0"}, "cannot be fitted on 0 images"),
        (Universal, {"data": "photos", "steps": "0"}, "at least one step"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_opened(kind: type[Attack], params: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kind.from_spec(params, Shelf())
