"""Whatever a user calls a model becomes a module to attack, or one clear sentence."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from support.tiny import Linear
from torch import nn

from bench.foundation.errors import BenchError, ModelError, SpecError, UnknownNameError, WeightsError
from bench.models.borrowing import borrowed
from bench.models.fingerprint import parameters_sha256, structure_sha256
from bench.models.opening import open_subject
from zoo.architectures.compact import compact
from zoo.card import card
from zoo.card import names as zoo_names
from zoo.loading import load as zoo_load

GOOD = """
import torch
import beside_it  # noqa
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(9, 3)
        nn.init.ones_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def forward(self, x):
        return self.read(x.flatten(1))

def make():
    return Net()

def moody():
    net = Net()
    net.stochastic = True
    return net

def broken():
    raise RuntimeError("no such luck")

def leaves():
    raise SystemExit(3)

def wrong():
    return 3

def needs(x):
    return Net()

value = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "user_net.py"
    path.write_text(GOOD.replace("import beside_it  # noqa\n", ""))
    return path


def test_a_file(file: Path) -> None:
    before = list(sys.path)
    subject = open_subject(f"{file}::make")
    assert sys.path == before
    assert not subject.module.training
    assert not any(parameter.requires_grad for parameter in subject.module.parameters())
    assert subject.fingerprint["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (subject.dataset, subject.spiking, subject.stochastic, subject.path_takers) == (None, None, False, 0)
    assert subject.fingerprint == open_subject(f"{file}::make").fingerprint
    assert open_subject(f"{file}::moody").stochastic
    assert open_subject(f"{file}::make", stochastic=True).stochastic


def test_a_neighbour_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(GOOD)
    said = r"net\.py failed to run: .*No module named 'beside_it', at net\.py:3: .* put beside_it\.py beside the file"
    with pytest.raises(ModelError, match=said):
        open_subject(f"{tmp_path / 'net.py'}::make")


@pytest.mark.parametrize(
    ("attr", "said"),
    [
        ("missing", "has no function 'missing'"),
        ("value", "has no function 'value'"),
        ("broken", "user_net.py::broken failed: RuntimeError: no such luck, at .*: raise RuntimeError"),
        ("leaves", "user_net.py::leaves failed: SystemExit: 3"),
        ("needs", "failed: TypeError: .* It is called without arguments: give them defaults"),
        ("wrong", "returned a int. Return an nn.Module"),
    ],
)
def test_a_factory_that_fails(file: Path, attr: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        open_subject(f"{file}::{attr}")


@pytest.mark.parametrize("text", ["def (", "1 / 0", "raise SystemExit", "\x00"])
def test_a_file_that_fails(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"net\.py failed to run"):
        open_subject(f"{path}::make")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        open_subject(f"{tmp_path}/net.py::make")


def test_zoo_names() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*zoo:snn_vanilla"):
        open_subject("zoo:snn_vanila")
    with pytest.raises(ModelError, match="is at version 1 here"):
        open_subject("zoo:snn_vanilla@99")
    assert "snn_vanilla" in zoo_names()


def test_a_zoo_network_runs_for_other_steps_on_the_same_weights() -> None:
    own, other = open_subject("zoo:snn_qcfs"), open_subject("zoo:snn_qcfs:steps=2")
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(other.module(x), zoo_load("snn_qcfs", steps=2)(x))
    assert not torch.equal(other.module(x), own.module(x))
    assert other.fingerprint["weights"] == own.fingerprint["weights"]
    assert other.fingerprint != own.fingerprint  # and so the identity of an evaluation
    assert open_subject("zoo:snn_qcfs:steps=8").fingerprint == own.fingerprint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("zoo:ann_qcfs:steps=4", "ann_qcfs has no time steps"),
        ("zoo:cam_tfp_snn:steps=4", "cam_tfp_snn has no time steps"),
        ("zoo:snn_mppd_at:steps=2", "have a number for each of 4 steps"),
        ("zoo:snn_hosnn:steps=5", "have a number for each of 4 steps"),
    ],
)
def test_steps_that_a_zoo_network_cannot_run_for(text: str, reason: str) -> None:
    with pytest.raises(ModelError, match=rf"cannot be built: .*{reason}.*Leave :steps=\d out"):
        open_subject(text)


CARD = """name: tiny
summary: A small model.
dataset: cifar10
builder: {name: compact, arguments: {steps: 2, neuron: {}, widths: [2, 2, 2, 2]}}
defense: {name: none}
spiking: true
recipe: {epochs: 1, learning_rate: 0.1}
"""


def shipped(folder: Path, text: str = CARD) -> Path:
    """A card with its weights beside it."""
    state = compact(steps=2, neuron={}, widths=(2, 2, 2, 2)).state_dict()
    content = save({key: value.contiguous() for key, value in state.items()})
    (folder / "tiny.safetensors").write_bytes(content)
    path = folder / "tiny.yaml"
    path.write_text(text + f"weights: {{sha256: {hashlib.sha256(content).hexdigest()}, bytes: {len(content)}}}\n")
    return path


def test_a_card_with_weights_beside_it(tmp_path: Path) -> None:
    subject = open_subject(str(shipped(tmp_path)))
    assert subject.path_takers == 4
    assert (subject.dataset, subject.spiking, subject.stochastic) == ("cifar10", True, False)
    assert subject.module(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_damaged_weights(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    weights = tmp_path / "tiny.safetensors"
    content = weights.read_bytes()
    for bad in (content[:-1], b"", bytes([content[0] ^ 1]) + content[1:]):
        weights.write_bytes(bad)
        with pytest.raises(WeightsError, match="is not the file its card names"):
            open_subject(str(path))
    weights.unlink()
    with pytest.raises(WeightsError, match="missing from the folder"):
        open_subject(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a valid card"),
        ("name: [", "is not a valid card"),
        ("name: tiny", "is not a valid card"),
        (CARD, "has no trained weights yet. Train it"),
        (CARD.replace("name: tiny", "name: other"), "is not a valid card"),
    ],
)
def test_bad_cards(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(text)
    with pytest.raises(BenchError, match=said) as caught:
        open_subject(str(path))
    assert "\n" not in str(caught.value)


def test_cards_say_themselves_whether_they_are_stochastic(tmp_path: Path) -> None:
    for model in ("zoo:snn_vanilla", "zoo:snn_poisson", str(shipped(tmp_path))):
        with pytest.raises(SpecError, match="says itself whether it is stochastic"):
            open_subject(model, stochastic=True)


def test_cards_that_name_no_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be built"):
        open_subject(str(shipped(tmp_path, CARD.replace("steps: 2", "stepz: 2"))))
    with pytest.raises(BenchError, match="unknown builder"):
        open_subject(str(shipped(tmp_path, CARD.replace("name: compact", "name: compackt"))))
    with pytest.raises(ModelError, match="cannot be read"):
        open_subject(str(tmp_path / "no.yaml"))


def test_untrained_zoo_model(monkeypatch: pytest.MonkeyPatch) -> None:
    name = zoo_names()[0]
    monkeypatch.setattr("zoo.card.card", lambda _: card(name).model_copy(update={"weights": None}))
    with pytest.raises(WeightsError, match=f"zoo:{name} has no trained weights yet. Train it: bench train zoo:{name}"):
        open_subject(f"zoo:{name}")


def test_an_object() -> None:
    module = Linear()
    subject = open_subject(module)
    assert (subject.ref, subject.module) == ("Linear", module)
    assert not subject.stochastic
    module.stochastic = True  # type: ignore[assignment]
    assert open_subject(module).stochastic


def test_a_borrowed_module_is_given_back_as_it_was() -> None:
    module = Linear().train()
    module.norm.eval()

    def interrupted() -> None:
        with borrowed(module):
            open_subject(module)
            assert not module.training
            assert not module.read.weight.requires_grad
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (module.training, module.norm.training, module.read.training) == (True, False, True)
    assert module.read.weight.requires_grad
    assert not module.read.bias.requires_grad


@given(st.integers(0, 8), st.integers(0, 2))
def test_parameters_sha256_follows_the_parameters(column: int, row: int) -> None:
    module = Linear()
    before = parameters_sha256(module)
    module.eval().requires_grad_(False)
    assert parameters_sha256(module) == before == parameters_sha256(Linear())
    module.read.weight[row, column] += 1e-6
    assert parameters_sha256(module) != before


def test_parameters_sha256_sees_everything() -> None:
    def hashed(change: str) -> str:
        module = Linear()
        module.register_buffer("hidden", torch.zeros(2), persistent=False)
        with torch.no_grad():
            exec(change, {"m": module, "torch": torch, "nn": nn})
        return parameters_sha256(module)

    changes = [
        "",
        "m.hidden += 1",
        "m.norm.running_mean += 1",
        "m.norm.num_batches_tracked += 1",
        "m.read.weight.data = m.read.weight.data.T.contiguous()",
        "m.read.weight.data = m.read.weight.data.double()",
        "m.other = m.read; del m.read",
        "m.more = nn.Parameter(torch.zeros(0))",
        "m.read.bias.data[0] = -0.0; m.read.bias.data[1] = 1",
    ]
    assert len({hashed(change) for change in changes}) == len(changes)
    assert parameters_sha256(nn.ReLU()) == parameters_sha256(nn.Flatten())
    assert parameters_sha256(nn.Linear(2, 2).bfloat16())


def test_structure_tells_apart_what_parameters_do_not() -> None:
    def net(**options: object) -> nn.Module:
        arguments = {"steps": 2, "neuron": {}, "widths": (2, 2, 2, 2)} | options
        torch.manual_seed(0)
        return compact(**arguments)

    same = net()
    others = [net(steps=4), net(neuron={"decay": 0.5}), net(neuron={"reset": "soft"}), net(encoder="poisson")]
    for other in others:
        assert parameters_sha256(other) == parameters_sha256(same)
    assert len({structure_sha256(one) for one in (same, *others)}) == 5
    assert structure_sha256(net().eval()) == structure_sha256(net().train()) == structure_sha256(same)
    assert structure_sha256(nn.Sequential(nn.ReLU())) != structure_sha256(nn.Sequential(nn.Tanh()))
