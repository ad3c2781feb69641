"""Real processes on one board: at once, and killed at random moments."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from support.boards import card, measured
from support.killing import killed_before
from support.submissions import small_board, state, zoo_built
from support.tiny import Linear

from bench.boards.entering import enter
from bench.boards.render import render
from bench.boards.store import Board
from bench.boards.submission.running import run
from bench.boards.verify import verify
from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_text
from bench.tasks.record import Record


def started(work: Callable[[], None]) -> int:
    """A process of its own that does ``work`` and ends with 0, or with 1 if it was refused."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BoardError:
        os._exit(1)
    except BaseException:
        os._exit(2)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_at_once(board: Board, spare: Record) -> None:
    def work(name: str) -> None:
        for version in (1, 2, 3):
            enter(board, spare, card(name, version))

    children = [started(lambda name=name: work(name)) for name in ("first", "second", "third")]  # type: ignore[misc]
    assert [ended(child) for child in children] == [0, 0, 0]
    assert len(board.names()) == 3 + 9
    assert verify(board) == []


def test_one_name_goes_to_one(board: Board) -> None:
    records = [measured(board, Linear(seed=seed)) for seed in (3, 4, 5)]
    children = [started(lambda record=record: enter(board, record, card("same")) and None) for record in records]  # type: ignore[misc]
    assert sorted(ended(child) for child in children) == [0, 1, 1]
    assert verify(board) == []


@pytest.mark.slow
def test_killed_at_random_moments(board: Board, spare: Record) -> None:
    """Whatever is there afterwards is whole, and the next writer or bench board render puts the rest right."""
    chance = random.Random(0)
    entered = 0
    for number in range(40):
        if number >= 6 and entered:
            break

        def work(name: str = f"victim{number}") -> None:
            for version in range(1, 1000):
                enter(board, spare, card(name, version))

        child = started(work)
        time.sleep(chance.uniform(0.0, 0.4 + 0.2 * number))  # a slow machine needs longer to enter anything
        os.kill(child, signal.SIGKILL)
        assert ended(child) == -signal.SIGKILL
        names = [name for name in board.names() if name.model == f"victim{number}"]
        for name in names:
            assert len(board.entry(name).record.rows) == 12 * 2 * 2  # the rows' hash is checked
            assert board.entry(name).card.version == name.version
        pd.read_csv(board.folder / "table.csv")
        assert board.protocol().board == "tiny-linf"
        with board.locked():
            render(board)
        assert verify(board) == []
        assert not list(board.folder.rglob(".*"))
        entered += len(names)
    assert entered > 0


@pytest.mark.slow
def test_killed_at_every_write(board: Board, spare: Record, tmp_path: Path) -> None:
    """An entry is there completely or not at all, and the same call leaves what an undisturbed one leaves."""
    before = board.names()
    shutil.copytree(board.folder, tmp_path / "before")
    enter(board, spare, card("victim"))
    wanted = state(board.folder)
    for step in count():
        home = Board(board.name, 1, tmp_path / f"{step}")
        shutil.copytree(tmp_path / "before", home.folder)
        finished = killed_before(step, lambda home=home: enter(home, spare, card("victim")))  # type: ignore[misc]
        entered = home.names() != before
        assert len(home.entries()) == len(before) + entered
        enter(home, spare, card("victim"))
        assert state(home.folder) == wanted
        if finished:
            break
    assert step > 6


@pytest.mark.slow
def test_a_submission_killed_at_random_moments(tmp_path: Path) -> None:
    """Whenever ``submit run`` dies the board is whole; run again it gives the entry that an undisturbed run gives."""
    board, other = small_board(tmp_path / "a"), small_board(tmp_path / "b")
    folder = zoo_built(tmp_path / "mine")
    before = state(board.folder)
    begun = time.monotonic()
    _, undisturbed = run(folder, other, out=tmp_path / "other")
    took = time.monotonic() - begun
    chance = random.Random(1)
    for _ in range(8):

        def work() -> None:
            run(folder, board, out=tmp_path / "records")

        child = started(work)
        time.sleep(chance.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        ended(child)
        if board.names():
            break
        with board.locked():
            render(board)  # what was begun is removed
        assert state(board.folder) == before
    if not board.names():
        run(folder, board, out=tmp_path / "records")
    (name,) = board.names()
    with board.locked():
        render(board)
    assert verify(board) == []
    pd.testing.assert_frame_equal(board.entry(name).record.rows, undisturbed.record.rows)


def test_a_table_killed_while_it_is_rendered(board: Board) -> None:
    """The table is that of the old card or that of the new one, never a part of either."""
    card_file = board.folder / "cards.yaml"
    table = board.folder / "table.csv"
    old = table.read_text()
    texts = {True: card_file.read_text(), False: card_file.read_text().replace("Another one", "A third one" * 50)}
    tables = {old, old.replace("Another one", "A third one" * 50)}
    chance = random.Random(2)
    for _ in range(6):

        def work() -> None:
            number = 0
            while True:
                number += 1
                atomic_write_text(card_file, texts[number % 2 == 0])
                with board.locked():
                    render(board)

        child = started(work)
        time.sleep(chance.uniform(0.05, 0.5))
        os.kill(child, signal.SIGKILL)
        assert ended(child) == -signal.SIGKILL
        assert table.read_text() in tables
    with board.locked():
        render(board)
    assert verify(board) == []
