"""A name belongs to whoever brought it first, on every board of a collection."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.boards import card, new_board
from support.submissions import zoo_built

from bench.boards.entering import enter
from bench.boards.store import Board
from bench.boards.submission.folder import snapshot
from bench.boards.submission.succession import check_succession
from bench.foundation.errors import BoardError
from bench.tasks.record import Record


def check(folder: Path, board: Board, *, supersede: bool = True, **changed: object) -> None:
    """Ask for a submission whose manifest has other values."""
    with snapshot(folder) as verified:
        fields = {"name": "linear", "version": 3, "authors": ["A. Nobody"], "owner": None, **changed}
        check_succession(verified.submission.model_copy(update=fields), board, supersede=supersede)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return zoo_built(tmp_path / "mine")


def test_its_owner_may(board: Board, folder: Path) -> None:
    check(folder, board)
    check(folder, board, name="another", version=1, authors=["B. Stranger"], supersede=False)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"authors": ["B. Stranger"]}, r"belongs to A\. Nobody"),
        ({"version": 2}, "is on tiny-linf/v1 already"),
        ({"version": 1}, "is on tiny-linf/v1 already"),
        ({"supersede": False}, "would supersede linear@2"),
    ],
    ids=["other authors", "the same version", "an earlier version", "unasked"],
)
def test_nobody_else_may(board: Board, folder: Path, changed: dict[str, bool], reason: str) -> None:
    with pytest.raises(BoardError, match=reason):
        check(folder, board, **changed)


def test_an_owner_is_more_than_authors(board: Board, folder: Path, spare: Record) -> None:
    enter(board, spare, card("owned", owner="https://example.org/a"))
    check(folder, board, name="owned", owner="https://example.org/a", authors=["B. Colleague"])
    with pytest.raises(BoardError, match=r"belongs to https://example\.org/a"):
        check(folder, board, name="owned", owner="https://example.org/b")


def test_names_of_other_boards_are_not_free(board: Board, filled: Board, folder: Path) -> None:
    """Another board of the same collection, which nobody has entered yet."""
    empty = new_board(board.folder.parents[1], filled.protocol().data.name, board="empty-linf")
    check(folder, empty, version=1, supersede=False)
    with pytest.raises(BoardError, match=r"linear@2 on tiny-linf/v1 belongs to A\. Nobody"):
        check(folder, empty, version=1, authors=["B. Stranger"], supersede=False)


@pytest.mark.parametrize("name", ["two-words", "two_words"])
def test_another_spelling_is_the_same_name(board: Board, folder: Path, spare: Record, name: str) -> None:
    enter(board, spare, card("two_words"))
    with pytest.raises(BoardError, match=r"two_words@1 on tiny-linf/v1 belongs to A\. Nobody"):
        check(folder, board, name=name, version=2, authors=["B. Stranger"])
    check(folder, board, name=name, version=2)
