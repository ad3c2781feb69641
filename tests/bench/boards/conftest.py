"""One board per module to read, and a fresh copy per test to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.boards import card, measured, new_board, pictures
from support.tiny import Linear

from bench.boards.entering import enter
from bench.boards.store import Board
from bench.tasks.record import Record


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with three entries, one of them superseded. To be left as it is."""
    home = tmp_path_factory.mktemp("boards")
    board = new_board(home / "leaderboards", pictures(home / "pictures"))
    enter(board, measured(board), card())
    enter(board, measured(board, Linear(seed=1)), card(version=2))
    enter(board, measured(board, Linear(seed=2)), card("other", summary="Another one"))
    return board


@pytest.fixture
def board(filled: Board, tmp_path: Path) -> Board:
    """A copy of it."""
    shutil.copytree(filled.folder, tmp_path / filled.name / "v1")
    return Board(filled.name, 1, tmp_path / filled.name / "v1")


@pytest.fixture(scope="session")
def spare(filled: Board) -> Record:
    """A record that could enter."""
    return measured(filled, Linear(seed=3))
