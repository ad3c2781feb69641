"""Commands that evaluate a model and enter it: what they print for a program, and that nothing else goes there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.program import Ended, Program
from support.submissions import own_code, small_board, state, zoo_built

from bench.boards.render import read_table
from bench.boards.store import Board
from bench.foundation.errors import BenchError


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.chdir(tmp_path)
    return small_board(tmp_path / "boards", n=3, eps=["8/255"], attacks=["fgsm"])


WHERE = ("--boards", "boards", "--out", "records", "--json")


def document(ended: Ended, code: int = 0) -> Any:
    assert ended.code == code, ended.err
    return json.loads(ended.out)


def test_board_run_prints_the_entry_and_its_row(program: Program, board: Board) -> None:
    ended = program("board", "run", "small-linf", "zoo:ann_at", *WHERE, "--quiet")
    shown = document(ended)
    assert ended.err == ""
    assert (shown["board"], shown["entry"]) == ("small-linf/v1", "ann_at@1")
    (row,) = read_table(board)
    assert shown["row"] == row and shown["verdict"] == row["verdict"]
    assert shown["row"] in document(program("board", "show", "small-linf", "--boards", "boards", "--json"))["table"]


def test_board_fill_prints_what_entered_and_what_did_not(
    program: Program, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.boards import running

    measure = running.measure

    def failing(board: Board, model: str, **rest: Any) -> Any:
        if model == "zoo:ann_at":
            raise BenchError("It broke.", "Mend it.")
        return measure(board, model, **rest)

    monkeypatch.setattr(running, "measure", failing)
    only = ("--only", "ann_at", "--only", "ann_vanilla")
    planned = document(program("board", "fill", "small-linf", *only, *WHERE, "--dry-run"))
    assert planned == {"board": "small-linf/v1", "to_evaluate": ["ann_at", "ann_vanilla"], "entered": [], "failed": {}}
    ended = program("board", "fill", "small-linf", *only, *WHERE, "--quiet")
    shown = document(ended, code=1)
    assert [entry["entry"] for entry in shown["entered"]] == ["ann_vanilla@1"]
    assert shown["entered"][0]["row"] == read_table(board)[0]
    assert shown["failed"] == {"ann_at": "It broke. Mend it."}
    assert ended.err.splitlines() == ["1 of 2: ann_at did not enter: It broke. Mend it."]  # failures are said also if quiet
    loud = program("board", "fill", "small-linf", "--only", "ann_vanilla", *WHERE)
    assert document(loud)["to_evaluate"] == [] and "0 to evaluate" in loud.err


def test_submit_run_prints_the_rank_that_it_has_or_would_have(program: Program, board: Board, tmp_path: Path) -> None:
    zoo_built(tmp_path / "mine")
    before = state(board.folder)
    words = ("submit", "run", "mine", "--board", "small-linf", *WHERE, "--quiet")
    ended = program(*words, "--dry-run")
    tried = document(ended)
    assert ended.err == "" and state(board.folder) == before
    assert tried["dry_run"] is True and tried["row"]["rank"] == "1" and tried["row"]["model"] == "mine"
    assert Path(tried["page"]).read_text().startswith("# mine@1 on small-linf/v1")
    entered = document(program(*words))
    assert entered["dry_run"] is False and entered["row"] == read_table(board)[0]
    assert {**entered["row"], "record_sha256": ""} == {**tried["row"], "record_sha256": ""}


def test_a_refusal_prints_no_document(program: Program, board: Board, tmp_path: Path) -> None:
    own_code(tmp_path / "mine")
    refused = program("submit", "run", "mine", "--board", "small-linf", *WHERE)
    assert refused.code == 2 and refused.out == "" and "--trust-code" in refused.err
