"""Real processes on one board: at once, and killed at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pandas as pd
from support.boards import card

from bench.boards.entering import enter
from bench.boards.render import render
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.errors import BoardError
from bench.record import Record, read_record


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


def test_at_once(board: Board, spare: Record) -> None:
    def work(name: str) -> None:
        for version in (1, 2, 3):
            enter(board, spare, card(name, version))

    children = [started(lambda name=name: work(name)) for name in ("first", "second", "third")]  # type: ignore[misc]
    assert [ended(child) for child in children] == [0, 0, 0]
    assert len(board.names()) == 3 + 9
    assert verify(board) == []


def test_one_name_goes_to_one(board: Board, spare: Record) -> None:
    children = [started(lambda: enter(board, spare, card("same")) and None) for _ in range(3)]
    assert sorted(ended(child) for child in children) == [0, 1, 1]
    assert verify(board) == []


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
            assert len(read_record(board.entry_folder(name)).rows) == 12 * 2 * 2  # the rows' hash is checked
            assert board.entry(name).card.version == name.version
        pd.read_csv(board.folder / "table.csv")
        assert board.protocol().board == "tiny-linf"
        with board.locked():
            render(board)
        assert verify(board) == []
        assert not list(board.folder.rglob(".*"))
        entered += len(names)
    assert entered > 0
