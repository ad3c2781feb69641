"""Other people's checkpoints: found in their wrappers, refused where they do not fit, and never executed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench.foundation.errors import SpecError, WeightsError
from bench.models.checkpoint import load_checkpoint
from bench.models.opening import open_subject
from bench.models.preparation import Preparation


def net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))


def state(seed: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {name: torch.rand(value.shape).to(value.dtype) for name, value in net().state_dict().items()}


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state().items()}


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (state, ""),
        (lambda: {"state_dict": state(), "epoch": 3}, "under 'state_dict'"),
        (lambda: {"net": state(), "acc": 91.2}, "under 'net'"),
        (lambda: {"model_state_dict": prefixed("module.")}, "'module.' was taken off"),
        (lambda: prefixed("_orig_mod.module."), "'_orig_mod.module.' was taken off"),
        (lambda: prefixed("backbone."), "'backbone.' was taken off"),
    ],
)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_tensors_are_found(tmp_path: Path, content: Callable[[], Any], remark: str, ending: str) -> None:
    path, module, saved = tmp_path / f"w{ending}", net(), content()
    if ending == ".safetensors":
        if not all(isinstance(value, torch.Tensor) for value in saved.values()):
            pytest.skip("safetensors hold tensors by name alone")
        save_file(saved, path)
    else:
        torch.save(saved, path)
    remarks = load_checkpoint(module, path, partial=False)
    assert all(torch.equal(module.state_dict()[name], value) for name, value in state().items())
    assert remark in " ".join(remarks)
    assert bool(remarks) == bool(remark)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("3.bias"), r"it lacks 3\.bias\. .*--partial"),
        (lambda s: s.update({"4.bias": torch.ones(1)}), r"the network has no 4\.bias"),
        (lambda s: s.update({"3.bias": torch.ones(5)}), r"other shapes: 3\.bias \(\(5,\) instead of \(3,\)\)"),
    ],
)
def test_what_does_not_fit_is_refused_unless_in_part(tmp_path: Path, change: Callable[[Any], Any], said: str) -> None:
    tensors, path, module = state(), tmp_path / "w.pth", net()
    change(tensors)
    torch.save(tensors, path)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(WeightsError, match=said):
        load_checkpoint(module, path, partial=False)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    (remark,) = load_checkpoint(module, path, partial=True)
    assert "tensors were loaded" in remark
    assert torch.equal(module.state_dict()["1.weight"], tensors["1.weight"])


def test_counters_of_batch_norm_may_be_missing(tmp_path: Path) -> None:
    tensors = state()
    del tensors["2.num_batches_tracked"]
    torch.save(tensors, tmp_path / "w.pth")
    assert load_checkpoint(net(), tmp_path / "w.pth", partial=False) == []


def test_weights_of_another_network_do_not_fit_in_part(tmp_path: Path) -> None:
    torch.save({"other.weight": torch.ones(2)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="none of its tensors fit"):
        load_checkpoint(net(), tmp_path / "w.pth", partial=True)


class Trap:
    """What unpickles to a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickles_with_code_are_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": state(), "trap": Trap(tmp_path / "ran")}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"holds Python objects \(.*pathlib\.Path.*nothing in it is executed here"):
        load_checkpoint(net(), tmp_path / "w.pth", partial=True)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_damaged_files(tmp_path: Path, content: bytes, ending: str) -> None:
    (tmp_path / f"w{ending}").write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(net(), tmp_path / f"w{ending}", partial=False)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no file"):
        load_checkpoint(net(), tmp_path / "w.pth", partial=False)
    torch.save({"epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="holds no tensors by name, but epoch"):
        load_checkpoint(net(), tmp_path / "w.pth", partial=False)


def test_weights_of_a_file_model(tmp_path: Path) -> None:
    code = "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(9, 3))\n"
    (tmp_path / "net.py").write_text(code)
    torch.save({"net": {"module.1.weight": torch.ones(3, 9), "module.1.bias": torch.zeros(3)}}, tmp_path / "w.pth")
    prepare = Preparation(weights=str(tmp_path / "w.pth"))
    subject = open_subject(f"{tmp_path}/net.py::build", prepare=prepare)
    assert torch.equal(subject.module.get_parameter("1.weight"), torch.ones(3, 9))
    assert len(subject.remarks) == 2
    for model in ("zoo:snn_vanilla", nn.Linear(2, 2)):
        with pytest.raises(SpecError, match="Leave --weights out"):
            open_subject(model, prepare=prepare)


@pytest.mark.parametrize("name", ["cnn.pth", "cnn.pt", "net.safetensors"])
def test_weights_alone_are_no_model(name: str) -> None:
    with pytest.raises(SpecError, match=rf"holds weights.*return Net\(\).*--weights {name}"):
        open_subject(name)
    with pytest.raises(SpecError, match=r"net\.py::NAME"):
        open_subject("net.py")
