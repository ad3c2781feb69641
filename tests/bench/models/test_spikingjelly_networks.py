"""Networks of SpikingJelly's own collection, against the same networks run step by step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.foundation.errors import BenchError, ModelError, SpecError, UnknownNameError, WeightsError
from bench.models.opening import open_subject
from bench.models.preparation import Preparation

pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.model import parametric_lif_net

from zoo.adapters import spikingjelly_networks as networks

NAME = "spikingjelly:MNISTNet,neuron=ParametricLIFNode,surrogate=ATan,channels=4,detach_reset=true"


def network() -> nn.Module:
    """All its numbers are multiples of powers of two, so that a spike does not depend on the order of a sum."""
    draw = torch.Generator().manual_seed(0)
    made: nn.Module = parametric_lif_net.MNISTNet(
        channels=4, spiking_neuron=neuron.ParametricLIFNode, surrogate_function=surrogate.ATan(), detach_reset=True
    )
    for layer in made.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data = torch.randint(-2, 3, layer.weight.shape, generator=draw).float()
        if isinstance(layer, nn.Linear):
            layer.bias.data.zero_()
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_var.data.fill_(1 - layer.eps)
    return made.eval()


def saved(folder: Path, module: nn.Module) -> Preparation:
    torch.save(module.state_dict(), folder / "weights.pth")
    return Preparation(weights=str(folder / "weights.pth"))


def step_by_step(made: nn.Module, frames: Tensor) -> Tensor:
    """Mean output for frames ``(T, N, C, H, W)``."""
    functional.set_step_mode(made, "s")
    functional.reset_net(made)
    with torch.no_grad():
        return torch.stack([made(frame) for frame in frames]).mean(0)


def test_images_and_frames_get_the_logits_of_a_run_step_by_step(tmp_path: Path) -> None:
    made, prepare = network(), saved(tmp_path, network())
    x = torch.randint(0, 17, (5, 1, 28, 28), generator=torch.Generator().manual_seed(1)) / 16
    subject = open_subject(f"{NAME},T=3", prepare=prepare)
    expected = step_by_step(made, x.expand(3, *x.shape))
    assert 0 < float(expected.mean()) < 1
    for _ in range(2):  # its state is begun anew
        torch.testing.assert_close(subject.module(x), expected)
    frames = torch.randint(0, 17, (5, 2, 1, 28, 28), generator=torch.Generator().manual_seed(2)) / 16
    torch.testing.assert_close(subject.module(frames), step_by_step(made, frames.transpose(0, 1)))
    assert subject.remarks == ("An image is shown at each of 3 time steps; logits are the mean of the outputs over time.",)
    assert subject.fingerprint["options"]["T"] == "3"
    assert open_subject(NAME, prepare=prepare).fingerprint != subject.fingerprint


def test_it_is_evaluated_at_its_spike_functions(tmp_path: Path) -> None:
    prepare = saved(tmp_path, network())
    x = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    labels = open_subject(NAME, prepare=prepare).module(x).argmax(1)
    record = bench.evaluate(NAME, data=(x, labels), attack="pgd:steps=2", eps="8/255", weights=prepare.weights)
    (path,) = [check for check in record.reliability.checks if check.name == "gradient path"]
    assert path.status == "pass" and "spike functions" in path.says
    assert any("at each of 4 time steps" in remark for remark in record.remarks)


@pytest.mark.parametrize("name", ["spiking_resnet18", "sew_resnet18", "ms_resnet18"])
def test_residual_networks_are_built_without_torchvision(name: str) -> None:
    options = {"cnf": "ADD"} if name.startswith("sew") else {}
    built = networks.OverTime(networks.build(name, "IFNode", None, options | {"num_classes": "7"}), 2).eval()
    with torch.no_grad():
        assert built(torch.rand(2, 3, 32, 32)).shape == (2, 7)
    assert not [module for module in sys.modules if module.partition(".")[0] == "torchvision"]


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("spikingjelly:MNISTNe,neuron=LIFNode", UnknownNameError, "Did you mean: MNISTNet"),
        ("spikingjelly:MNISTNet,neuron=LIF", UnknownNameError, "Did you mean: LIFNode"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,surrogate=Atan", UnknownNameError, "Did you mean: ATan"),
        ("spikingjelly:MNISTNet", SpecError, "MNISTNet has no neuron of its own. Add .* neuron=LIFNode"),
        ("spikingjelly:sew_resnet18,neuron=IFNode", SpecError, "sew_resnet18 has no cnf of its own. Add .* cnf=ADD"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,T=0", SpecError, "T=0 is no number of time steps"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,T=x", SpecError, "T takes a whole number"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,pretrained=true", SpecError, "Give --weights FILE"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,banana=1", ModelError, "unexpected keyword argument 'banana'"),
        ("spikingjelly:MNISTNet,neuron=LIFNode,channels=4", WeightsError, r"the network has no conv_fc\.2\.w"),
        ("spikingjelly:MNISTNet,neuron=ParametricLIFNode,channels=5", WeightsError, "other shapes"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path, text: str, kind: type[BenchError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        open_subject(text, prepare=saved(tmp_path, network()))


def test_a_network_without_weights_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"names a network and no weights. Give --weights FILE"):
        open_subject(NAME)


def test_without_the_library_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    networks.builders.cache_clear()
    monkeypatch.setitem(sys.modules, "spikingjelly", None)
    with pytest.raises(ModelError, match=r"needs spikingjelly, which is not installed. Run: .*spikebench\[interop\]"):
        open_subject(NAME)
