"""Networks of timm through a stand-in for the library: it needs torchvision, which need not fit the torch of a machine."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.foundation.errors import BenchError, ModelError, SpecError, UnknownNameError, WeightsError
from bench.models.opening import open_subject
from bench.models.preparation import NOTHING, Preparation

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.125)


class Small(nn.Module):
    """Pooled pixels to logits, with what timm attaches to its networks."""

    def __init__(self, classes: int, channels: int, size: int) -> None:
        super().__init__()
        self.num_classes, self.size = classes, size
        self.pretrained_cfg = {"mean": MEAN, "std": STD, "input_size": (3, 16, 16), "fixed_input_size": size == 16}
        self.head = nn.Linear(channels, max(classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Puts a stand-in in the place of timm, with the networks ``small`` and ``wide``."""

    def create_model(name: str, pretrained: bool, num_classes: int = 10, in_chans: int = 3, img_size: int = 16) -> Small:
        assert not pretrained
        if name.endswith(".banana"):
            raise RuntimeError("Invalid pretrained tag (banana) for small.")
        return Small(num_classes, in_chans, img_size)

    stand_in = ModuleType("timm")
    names = {"__version__": "1.0.31", "create_model": create_model}
    names |= {"list_models": lambda: ["small", "wide"]}
    names |= {"is_model": lambda name: name.partition(".")[0] in ("small", "wide")}
    for name, value in names.items():
        setattr(stand_in, name, value)
    monkeypatch.setitem(sys.modules, "timm", stand_in)
    return stand_in


def saved(folder: Path, module: nn.Module) -> Preparation:
    torch.save(module.state_dict(), folder / "weights.pth")
    return Preparation(weights=str(folder / "weights.pth"))


def test_the_configuration_of_timm_decides_how_inputs_are_normalised(library: ModuleType, tmp_path: Path) -> None:
    network = Small(10, 3, 16)
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = network((x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
    subject = open_subject("timm:small.a1", prepare=saved(tmp_path, network))
    torch.testing.assert_close(subject.module(x), expected)
    (remark,) = subject.remarks
    assert remark == (
        "Of timm 1.0.31: inputs are normalised by mean 0.5,0.4,0.3 and std 0.2,0.25,0.125; 10 classes; "
        "made for inputs 3 x 16 x 16 and no others."
    )
    assert subject.fingerprint["timm"] == "small.a1" and subject.fingerprint["normalised"] == [list(MEAN), list(STD)]
    assert not any(parameter.requires_grad for parameter in subject.module.parameters())


@pytest.mark.parametrize("given", [{"preprocess": "none"}, {"mean": "0.5", "std": "0.5"}])
def test_a_normalisation_of_the_users_replaces_it(library: ModuleType, tmp_path: Path, given: dict[str, Any]) -> None:
    network = Small(10, 3, 16)
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    prepare = saved(tmp_path, network)
    subject = open_subject("timm:small", prepare=Preparation(weights=prepare.weights, **given))
    torch.testing.assert_close(subject.module(x), network(x if "preprocess" in given else 2 * x - 1))
    assert "was replaced by the one that was given" in subject.remarks[0]


def test_options_reach_the_network(library: ModuleType, tmp_path: Path) -> None:
    prepare = saved(tmp_path, Small(5, 1, 32))
    one_channel = Preparation(weights=prepare.weights, mean="0.5", std="0.5")
    subject = open_subject("timm:wide,num_classes=5,in_chans=1,img_size=32", prepare=one_channel)
    assert subject.module(torch.rand(2, 1, 32, 32)).shape == (2, 5)
    assert "5 classes; made for images of size 32" in subject.remarks[0]
    with pytest.raises(SpecError, match=r"normalises 3 channels .* takes 1"):
        open_subject("timm:wide,num_classes=5,in_chans=1,img_size=32", prepare=prepare)


def test_it_is_evaluated_as_any_smooth_model(library: ModuleType, tmp_path: Path) -> None:
    network = Small(10, 3, 16)
    x = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = network((x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)).argmax(1)
    weights = saved(tmp_path, network).weights
    record = bench.evaluate("timm:small", data=(x, labels), attack="fgsm", eps="1/255", weights=weights)
    assert record.model.ref == "timm:small" and record.results[0].clean.value == 1
    assert any("normalised by mean 0.5,0.4,0.3" in remark for remark in record.remarks)


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("timm:smal", UnknownNameError, "Did you mean: small"),
        ("timm:small.banana", ModelError, r"Invalid pretrained tag \(banana\) for small\)"),
        ("timm:small,banana=1", ModelError, "unexpected keyword argument 'banana'"),
        ("timm:small,num_classes=0", ModelError, "it tells 0 classes apart"),
        ("timm:small,pretrained=true", ModelError, "pretrained names weights"),
        ("timm:small,num_classes=7", WeightsError, "other shapes: head.weight"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(
    library: ModuleType, tmp_path: Path, text: str, kind: type[BenchError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        open_subject(text, prepare=saved(tmp_path, Small(10, 3, 16)))


def test_a_network_without_weights_is_refused(library: ModuleType) -> None:
    with pytest.raises(WeightsError, match=r"names a network and no weights. Give --weights FILE"):
        open_subject("timm:small", prepare=NOTHING)


def test_weights_that_fit_in_part_and_that_do_not(library: ModuleType, tmp_path: Path) -> None:
    state = Small(10, 3, 16).state_dict()
    torch.save({"head.weight": state["head.weight"], "tail.weight": torch.ones(1)}, tmp_path / "part.pth")
    with pytest.raises(WeightsError, match=r"it lacks head.bias; the network has no tail.weight"):
        open_subject("timm:small", prepare=Preparation(weights=str(tmp_path / "part.pth")))
    partial = Preparation(weights=str(tmp_path / "part.pth"), partial=True)
    first, second = (open_subject("timm:small", prepare=partial) for _ in range(2))
    assert first.fingerprint == second.fingerprint, "what was not loaded is drawn the same at every time"
    assert "1 tensors were loaded" in first.remarks[1]


def test_a_version_that_is_too_old(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "__version__", "0.6.13")
    with pytest.raises(ModelError, match=r"timm 0\.6\.13 is installed, and version 1\.0 or newer is needed.*pip install"):
        open_subject("timm:small")


def test_without_timm_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"timm:small needs timm, which is not installed. Run: .*spikebench\[timm\]"):
        open_subject("timm:small")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import torchvision_that_is_absent", "needs torchvision_that_is_absent, which is not installed"),
        (
            "raise RuntimeError('operator torchvision::nms does not exist')",
            r"cannot be imported \(RuntimeError: operator torchvision::nms does not exist\). "
            r"Install the torchvision that was built for torch ",
        ),
        ("raise OSError('libfoo.so: no such file')", r"OSError: libfoo.so: no such file\). Repair timm"),
    ],
)
def test_a_timm_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, sentence: str) -> None:
    (tmp_path / "timm.py").write_text(code)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=sentence):
        open_subject("timm:small")
