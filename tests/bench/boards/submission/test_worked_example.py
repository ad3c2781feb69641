"""The worked example of docs/submit.md, line by line, as a newcomer would run it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.submissions import small_board, zoo_built

from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.main import main
from zoo.architectures.compact import compact

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs" / "submit.md").read_text()
LINES = re.search(r"<!-- worked example -->\n```\n(.*?)```", TEXT, re.DOTALL)
DRAFT = re.search(r"<!-- small board: trial.yaml -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
REHEARSAL = re.search(r"<!-- small board -->\n```\n(.*?)```\n<!-- end of small board -->", TEXT, re.DOTALL)


def test_weights_are_saved_however_they_lie_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(from safetensors.*?)```", (ROOT / "docs" / "submit.md").read_text(), re.DOTALL)
    assert code is not None
    model = compact(steps=1, neuron={}, widths=(2, 2, 2, 2)).to(memory_format=torch.channels_last)
    (tmp_path / "my_defense").mkdir()
    monkeypatch.chdir(tmp_path)
    exec(code[1], {"model": model})
    saved = load_file(tmp_path / "my_defense" / "weights.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in saved.items())


@pytest.mark.timeout(600)
def test_from_template_to_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the board is smaller: its name and the commands are those of the text."""
    assert LINES is not None
    board = small_board(tmp_path / "leaderboards", n=4, board="snn-cifar10-linf")
    (tmp_path / "zoo" / "weights").mkdir(parents=True)
    shutil.copy(ROOT / "zoo" / "weights" / "snn_at.safetensors", tmp_path / "zoo" / "weights")
    monkeypatch.chdir(tmp_path)
    told = ""
    for line in LINES[1].splitlines():
        words = shlex.split(line, comments=True)
        if words[0] != "bench":
            subprocess.run(words, check=True)
            continue
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 0, (line, said.err)
        told += said.out
    assert "my_defense: accepted" in told and "weights of at most 2,048 MiB, code of at most 256 KiB" in told
    assert "under attack, 8/255" in told and "Verdict: " in told and "Rank 1 of 1" in told
    (page,) = (tmp_path / "records").glob("*.md")
    assert page.read_text() in told
    assert "this was a dry run" in told and board.names() == []

    (dry_run,) = (line for line in LINES[1].splitlines() if "--dry-run" in line)
    words = [word for word in shlex.split(dry_run, comments=True) if word != "--dry-run"]
    monkeypatch.setattr(sys, "argv", words)
    with monkeypatch.context() as without_attacks:
        without_attacks.setattr("bench.evaluation.executors.choice.Workbench", lambda *_: pytest.fail("evaluated again"))
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0 and page.read_text() in capsys.readouterr().out
    assert [str(name) for name in Board("snn-cifar10-linf", 1, board.folder).names()] == ["my_defense@1"]
    assert verify(board) == []


@pytest.mark.timeout(600)
def test_the_rehearsal_on_a_small_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The attack is shorter than in the text, and there are fewer images."""
    assert DRAFT is not None and REHEARSAL is not None
    draft = DRAFT[1].replace("n: 20", "n: 2").replace("[standard]", "[fgsm]")
    assert draft.count("n: 2}") == 1 and "fgsm" in draft
    (tmp_path / "trial.yaml").write_text(draft)
    zoo_built(tmp_path / "my_defense")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for line in REHEARSAL[1].splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0, (line, capsys.readouterr().err)
    printed = capsys.readouterr().out
    for words in ("trial/v1: released", "entered trial/v1; look at it: bench board show trial/v1", "trial/v1: verified"):
        assert words in printed
