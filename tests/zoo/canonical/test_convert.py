"""Which networks have a canonical form, and that it is the same function with the same bits everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from zoo.architectures.compact import compact
from zoo.architectures.event_network import event_network
from zoo.canonical.convert import Canonical, canonical
from zoo.card import card
from zoo.loading import load

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).with_name("golden_bits.json")
WEIGHTS = ROOT / "zoo" / "weights"
STEMS = sorted(path.stem for kind in ("[as]nn", "cam") for path in WEIGHTS.glob(f"{kind}_*.safetensors"))
SHIPPED = [name for name in STEMS if card(name).task == "classification"]
CAMERAS = ("cam_tfp_snn", "cam_direct_snn")
N = 10
PROCESSORS = {
    "without FMA": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NUMBA_CPU_NAME": "generic",
    },
    "with AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NUMBA_CPU_NAME": "haswell",
    },
}


def photographs() -> Tensor:
    """Ten images of pixel levels that a generator of integers makes, hence the same on every machine."""
    draw = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (N, 3, 8, 8), generator=draw)
    fine = torch.randint(-24, 25, (N, 3, 32, 32), generator=draw)
    return (coarse.repeat_interleave(4, 2).repeat_interleave(4, 3) + fine).clamp(0, 255) / 255


def recordings() -> Tensor:
    """Ten recordings of event frames that a generator of integers makes: a tenth of all cells, in patches of four pixels."""
    draw = torch.Generator().manual_seed(0)
    patches = torch.randint(0, 5, (N, 10, 2, 17, 17), generator=draw).repeat_interleave(2, 3).repeat_interleave(2, 4)
    lonely = torch.randint(0, 20, (N, 10, 2, 34, 34), generator=draw)
    return ((patches == 0) & (lonely % 2 == 0) | (lonely == 1)).float()


def inputs_of(name: str) -> Tensor:
    """What a network of the zoo takes; one for digits the middles of the photographs, in one colour."""
    if card(name).dataset == "mnist":
        return photographs()[:, :1, 2:30, 2:30].contiguous()
    return recordings() if card(name).dataset == "nmnist_sim" else photographs()


@torch.no_grad()
def answers(model: nn.Module, x: Tensor, ids: Tensor) -> Tensor:
    with drawing(KeyedRng.of(0, ids)):
        logits: Tensor = model(x)
    return logits


def form_of(model: nn.Module) -> Canonical:
    twin = canonical(model.eval())
    assert twin is not None
    return twin


def bits_of(names: Sequence[str]) -> dict[str, str]:
    """The hash of the logits of shipped networks."""
    logits = {name: answers(form_of(load(name)), inputs_of(name), torch.arange(N)) for name in names}
    return {name: hashlib.sha256(answer.numpy().tobytes()).hexdigest() for name, answer in logits.items()}


@pytest.mark.own_seed
@pytest.mark.parametrize("name", SHIPPED)
def test_the_bits_of_shipped_networks_are_those_of_every_machine(name: str) -> None:
    """Where a network was trained anew: ``python tests/zoo/canonical/test_convert.py`` writes the bits."""
    assert bits_of([name])[name] == json.loads(GOLDEN.read_text())[name]


@pytest.mark.slow
@pytest.mark.own_seed
@pytest.mark.parametrize("processor", PROCESSORS)
def test_other_processors_give_the_same_bits(processor: str, tmp_path: Path) -> None:
    names = ["snn_at", "snn_srp", "ann_vanilla", "snn_ev_filter", "snn_ev_aqf", "cam_tfi_snn"]
    code = f"import json, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_convert as t; "
    code += f"print(json.dumps(t.bits_of({names!r})))"
    environment = os.environ | PROCESSORS[processor] | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    golden = json.loads(GOLDEN.read_text())
    assert json.loads(result.stdout) == {name: golden[name] for name in names}


@pytest.mark.parametrize(
    "name",
    [
        *("snn_at", "snn_cos", "snn_ttfs", "snn_poisson", "ann_qcfs"),
        *("snn_ev_gsr", "snn_ev_aqf", "cam_tfp_snn", "cam_direct_snn"),
    ],
)
def test_the_form_is_the_same_function(name: str) -> None:
    model, x, ids = load(name).eval(), inputs_of(name), torch.arange(N)
    expected, found = answers(model, x, ids), answers(form_of(model), x, ids)
    # One rounding at a threshold moves a spike; most images have none.
    assert ((found - expected).abs().amax(1) < 1e-3).float().mean() >= 0.8
    parts = [answers(form_of(model), x[part], ids[part]) for part in (slice(0, 1), slice(1, N))]
    assert torch.equal(torch.cat(parts), found)


def spiking() -> nn.Module:
    return compact(steps=2, neuron={}, widths=(4, 4, 4, 4)).eval()


@pytest.mark.parametrize("arguments", [{}, {"support": 3}, {"quantised": {}}], ids=["no filter", "activity", "quantised"])
def test_gradients_pass_the_form_of_an_event_network(arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = event_network(neuron={"threshold": 0.3}, widths=(4, 6, 8), **arguments)
    model(recordings())  # statistics of BatchNorm
    gradients = []
    for network in (model.eval(), form_of(model)):
        x = recordings().requires_grad_()
        gradients.append(torch.autograd.grad(network(x)[:, 0].sum(), x)[0].flatten(1))
    assert float(gradients[0].abs().sum()) > 0
    # The form goes backwards in bfloat16 where the processor multiplies it.
    assert torch.nn.functional.cosine_similarity(gradients[0], gradients[1]).mean() > 0.95


class Unknown(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def with_unknown_layer() -> nn.Module:
    return nn.Sequential(spiking(), Unknown())


def hooked() -> nn.Module:
    model = spiking()
    model.register_forward_hook(lambda module, inputs, output: output * 2)
    return model


def grouped() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU())


@pytest.mark.parametrize(
    "model",
    [with_unknown_layer(), hooked(), grouped(), spiking().train(), spiking().double(), nn.Sequential(nn.Softmax(1))],
    ids=["unknown layer", "hook", "groups", "train mode", "float64", "softmax"],
)
def test_other_networks_have_no_form(model: nn.Module) -> None:
    assert canonical(model) is None


def test_the_model_itself_is_left_alone() -> None:
    model = spiking()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    form_of(model)(torch.rand(1, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert any(parameter.requires_grad for parameter in model.parameters())


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(bits_of(SHIPPED), indent=1) + "\n")
