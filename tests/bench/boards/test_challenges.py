"""Challenges are recorded once, whatever happens to the process that records them."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest
from support.boards import DAY
from support.killing import killed_before

from bench.boards.challenge_record import Challenge, ChallengeRow
from bench.boards.entering import add_challenge
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.foundation.errors import BoardError


@pytest.fixture
def challenge(filled: Board) -> Challenge:
    """Against the first entry of the board."""
    row = ChallengeRow(sample=0, norm_value=0.05, status="ok", adv_pred=1, robust=0.0, adv_sha256="0" * 16)
    return Challenge(
        record_sha256=filled.entries()[0].record_sha256,
        who="A. Nobody",
        how="Gradients",
        date=DAY,
        eps="0.1",
        images_sha256="1" * 64,
        rows=[row],
    )


def test_a_challenge_that_a_killed_process_recorded_in_part_is_finished_by_the_same_one(
    filled: Board, challenge: Challenge, tmp_path: Path
) -> None:
    """Killed before each rename and removal, and repeated on the next day."""
    name = filled.entries()[0].name
    later = challenge.model_copy(update={"date": DAY + datetime.timedelta(days=1)})
    step, ended = 0, False
    while not ended:
        board = Board(filled.name, 1, tmp_path / f"{step}" / filled.name / "v1")
        shutil.copytree(filled.folder, board.folder)
        ended = killed_before(step, lambda board=board: add_challenge(board, name, challenge))  # type: ignore[misc]
        assert len(add_challenge(board, name, later).challenges) == 1
        assert verify(board) == []
        step += 1
    assert step > 3


@pytest.mark.parametrize("words", [{"who": "B. Nobody"}, {"how": "Luck"}, {"link": "https://example.org"}])
def test_the_same_images_are_not_recorded_in_the_name_of_another(
    board: Board, challenge: Challenge, words: dict[str, str]
) -> None:
    name = board.entries()[0].name
    add_challenge(board, name, challenge)
    with pytest.raises(BoardError, match=r"have challenged linear@1 at 0\.1 before"):
        add_challenge(board, name, challenge.model_copy(update=words))
    assert len(board.entry(name).challenges) == 1


def test_at_another_radius_or_with_other_images_it_is_another_challenge(board: Board, challenge: Challenge) -> None:
    name = board.entries()[0].name
    for changed in ({}, {"eps": "0.02"}, {"images_sha256": "2" * 64}):
        add_challenge(board, name, challenge.model_copy(update=changed))
    assert len(board.entry(name).challenges) == 3 and verify(board) == []
