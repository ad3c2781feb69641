"""Transfer specs: a source is opened, and what it is goes on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.folding_time import folding_time, images
from support.tiny import Linear, labelled

import bench
from attacks.apgd import APGD
from attacks.pgd import PGD
from attacks.transfer import Transfer
from bench.evaluation.request.attack_specs import resolve_attack
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.foundation.errors import BenchError, SpecError, UnknownNameError
from zoo.spiking.neurons import LIF

MODEL = Linear().eval()
DATA = labelled(MODEL, 20, wrong=2)


def test_a_spec_opens_its_source_and_records_it() -> None:
    planned = resolve_attack("transfer:source=snn_vanilla,attack=apgd:steps=5")
    assert isinstance(planned.attack, Transfer)
    assert planned.attack.attack == APGD(steps=5)
    assert not planned.attack.model.training
    assert planned.name == "transfer"
    assert planned.passed == {"source": "snn_vanilla", "attack": "apgd:steps=5"}
    assert planned.defaulted["path"] == "training"
    assert planned.defaulted["source_fingerprint"]["name"] == "snn_vanilla"
    assert planned.defaulted["attack_parameters"]["steps"] == 5
    json.dumps(planned.defaulted)
    assert resolve_attack("transfer:source=zoo:snn_vanilla").defaulted["attack"] == "mifgsm"


def test_a_proxy_is_the_source_without_its_spikes() -> None:
    planned = resolve_attack("transfer:source=snn_vanilla,proxy=relu")
    assert isinstance(planned.attack, Transfer)
    assert not any(isinstance(module, LIF) for module in planned.attack.model.modules())
    assert planned.passed["proxy"] == "relu"
    plain = resolve_attack("transfer:source=snn_vanilla,proxy=none")
    assert "proxy" not in {**plain.passed, **plain.defaulted}
    with pytest.raises(SpecError, match="There is no proxy of zoo:ann_vanilla"):
        resolve_attack("transfer:source=ann_vanilla,proxy=clip")
    with pytest.raises(SpecError):
        resolve_attack("transfer:source=snn_vanilla,proxy=tanh")


def test_what_cannot_be_resolved_is_one_sentence() -> None:
    with pytest.raises(SpecError, match="transfer cannot be set up: it needs a source, as in transfer:source=NAME"):
        resolve_attack("transfer")
    with pytest.raises(UnknownNameError, match="zoo:snn_vanila"):
        resolve_attack("transfer:source=snn_vanila")
    with pytest.raises(UnknownNameError, match="Unknown attack 'pdg'"):
        resolve_attack("transfer:source=snn_vanilla,attack=pdg")
    with pytest.raises(UnknownNameError, match="Unknown gradient path"):
        resolve_attack("transfer:source=snn_vanilla,path=bpt")
    with pytest.raises(BenchError):
        resolve_attack("transfer:source=nowhere.py::make")


def test_a_user_s_own_source_is_evaluated_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from support.tiny import Linear\n\n\ndef make():\n    return Linear()\n")
    own = Linear().eval()
    flags = [parameter.requires_grad for parameter in own.parameters()]
    by_object = bench.evaluate(MODEL, data=DATA, attack=Transfer(model=own, attack=PGD(steps=3)), eps="0.4")
    by_file = bench.evaluate(
        MODEL, data=DATA, attack=f"transfer:source={tmp_path}/mine.py::make,attack=pgd:steps=3", eps="0.4"
    )
    direct = bench.evaluate(MODEL, data=DATA, attack="pgd:steps=3", eps="0.4")
    robust = [record.results[0].robust.value for record in (by_object, by_file, direct)]
    assert robust[0] == robust[1] == robust[2] < 0.2
    assert [parameter.requires_grad for parameter in own.parameters()] == flags
    assert by_object.rows["backwards"].max() == 3


def test_other_weights_of_the_source_are_another_request() -> None:
    other = Linear().eval()
    with torch.no_grad():
        next(other.parameters()).add_(1)
    records = [
        bench.evaluate(MODEL, data=DATA, attack=Transfer(model=source, attack=PGD(steps=1)), eps="0.1", n=4)
        for source in (Linear().eval(), other)
    ]
    assert records[0].identity != records[1].identity


def test_a_source_for_other_inputs_is_an_error_of_the_stage() -> None:
    record = bench.evaluate(MODEL, data=DATA, attack="transfer:source=snn_vanilla", eps="0.1", n=4)
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {"attack_error"}
    assert record.results[0].undecided > 0


def test_a_foreign_source_is_looked_at_before_anything_runs(tmp_path: Path) -> None:
    """The same inputs tell its spike functions, whatever samples are attacked first."""
    (tmp_path / "mine.py").write_text(
        "from support.folding_time import folding_time\n\n\ndef make():\n    return folding_time('(T, n, F)')\n"
    )
    model = folding_time("a call per step")
    x = images(12)
    with torch.no_grad():
        y = model(x).argmax(1)
    spec = f"transfer:source={tmp_path}/mine.py::make,attack=pgd:steps=5"
    request = resolve(Settings(model=model, data=(x, y), attack=(f"{spec},path=bptt", spec), eps="0.1"))
    for (stage,) in request.stages:
        assert isinstance(stage.attack, Transfer)
        assert stage.attack.sites is not None and stage.attack.sites.controlled == 1
