"""Filling a board from the zoo, through the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.submissions import small_board, state

from bench.boards.filling import waiting
from bench.boards.naming import EntryName
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.foundation.errors import BenchError
from zoo.card import card, names


def fill(folder: Path, *words: str) -> Result:
    asked = ["fill", "small-linf", "--boards", str(folder / "boards"), "--out", str(folder / "records"), *words]
    return CliRunner().invoke(command, asked, standalone_mode=False)


def test_what_is_missing_is_evaluated_once(tmp_path: Path) -> None:
    board = small_board(tmp_path / "boards", n=3, eps=["8/255"], attacks=["fgsm"])
    cards = [card(name) for name in names() if card(name).dataset == "cifar10" and not card(name).behind_camera]
    ready = [each.name for each in cards if each.weights and each.size == "compact" and not each.stochastic]
    assert waiting(board) == ready
    assert "ann_at" in fill(tmp_path, "--dry-run").output
    assert board.names() == []
    done = fill(tmp_path, "--only", "ann_at", "--only", "snn_at")
    assert (done.return_value, done.exception) == (0, None)
    assert board.names() == [EntryName("ann_at", 1), EntryName("snn_at", 1)]
    assert verify(board) == []
    before = state(board.folder)
    assert "0 to evaluate" in fill(tmp_path, "--only", "ann_at").output
    assert state(board.folder) == before
    assert waiting(board) == [name for name in ready if name not in ("ann_at", "snn_at")]


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.boards import running

    board = small_board(tmp_path / "boards", n=3, eps=["8/255"], attacks=["fgsm"])
    measure = running.measure

    def failing(board: object, model: str, **rest: object) -> object:
        if model == "zoo:ann_at":
            raise BenchError("It broke.", "Mend it.")
        return measure(board, model, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "measure", failing)
    done = fill(tmp_path, "--only", "ann_at", "--only", "ann_vanilla")
    assert done.return_value == 1
    assert "It broke." in done.output
    assert board.names() == [EntryName("ann_vanilla", 1)]


@pytest.mark.parametrize("name", ["iqa_hyperiqa", "no_such_model"])
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    board = small_board(tmp_path / "boards", n=3)
    with pytest.raises(BenchError, match=r"cannot enter|no_such_model"):
        waiting(board, [name])
