"""A submission from the file of a network and its checkpoint: what the command writes is what a check accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.program import program_of
from support.submissions import LINEAR

from bench.boards.submission.folder import snapshot
from bench.foundation.model_refs import FileRef
from bench.models.from_file import from_file
from bench.models.preparation import NOTHING

WORDS = {"Your Name": "A. Nobody", "One line about": "One network called", "How it was trained or built to resist.": "None."}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a network in a file, and a checkpoint as trainings leave them: wrapped, with a prefix."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(LINEAR)
    (tmp_path / "two_files.py").write_text("from my_net import build\n")
    state = {"module.read.weight": torch.randn(10, 3072), "module.read.bias": torch.zeros(10)}
    torch.save({"net": state, "epoch": 3}, tmp_path / "net.pth")
    return tmp_path


def test_a_file_and_its_checkpoint_become_a_submission(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = program_of(monkeypatch, capsys)
    ended = program("submit", "new", "mine", "--model", "my_net.py::Model", "--weights", "net.pth")
    assert ended.code == 0 and "bench submit check mine --trust-code" in ended.out
    manifest = files / "mine" / "submission.yaml"
    text = manifest.read_text()
    for before, after in WORDS.items():
        text = text.replace(before, after)
    manifest.write_text(text)
    with snapshot(files / "mine") as verified:  # hashes, sizes and fields are as a check wants them
        assert verified.submission.code is not None and verified.submission.code.factory == "Model"
        module = from_file("mine", FileRef(str(verified.code), "Model"), False, NOTHING).module
        module.load_state_dict(load_file(verified.weights), strict=True)
    saved = torch.load(files / "net.pth", weights_only=True)["net"]  # noqa: TID251
    assert torch.equal(module.state_dict()["read.weight"], saved["module.read.weight"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "my_net.py::Model"), "Give both --model and --weights"),
        (("--weights", "net.pth"), "Give both --model and --weights"),
        (("--model", "zoo:snn_at", "--weights", "net.pth"), "FILE.py::NAME"),
        (("--model", "my_net.py::Other", "--weights", "net.pth"), "no function 'Other'"),
        (("--model", "my_net.py::Model", "--weights", "none.pth"), "no file none.pth"),
        (("--model", "two_files.py::build", "--weights", "net.pth"), "imports other files of yours (my_net.py)"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_does_not_fit_leaves_no_folder(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = program_of(monkeypatch, capsys)("submit", "new", "mine", *arguments)
    assert ended.code == 2 and said in ended.err
    assert not Path("mine").exists()
