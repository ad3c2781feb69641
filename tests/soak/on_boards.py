"""Commands that write to leaderboards, and the site that shows them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from support.boards import card, measured, new_board
from support.submissions import small_board, state, zoo_built
from support.tiny import Linear

from bench.boards.entering import enter
from bench.boards.render import render
from bench.boards.store import Board, boards
from bench.boards.submission import memory
from bench.boards.verify import verify
from bench.data import load_samples
from bench.tasks.record import Record
from soak.on_records import of_record, small_pictures
from soak.scenario import Result, bench, hidden, shared_with

SEED = 1
"""Of a network that is right on some of the board's images: only then there is something to attack and to show."""
SPARE: dict[str, Record] = {}
"""Records that may enter, by the folder of their cases; they are made before any process is forked."""


def of_boards(home: Path) -> Result:
    """All boards: their entries, challenges, pictures and cards, and that they verify."""
    result: Result = {}
    for board in boards(home / "boards"):
        result[f"{board} verified"] = "\n".join(map(str, verify(board)))
        for entry in board.entries():
            result[f"{board}/{entry.name}"] = of_record(entry.record)
            result[f"{board}/{entry.name} card"] = entry.card.model_dump_json(exclude={"submitted"})
            for number, challenge in enumerate(entry.challenges):
                result[f"{board}/{entry.name} challenge {number}"] = challenge.model_dump_json(exclude={"date"})
        files = {name: sha256 for name, sha256 in state(board.folder).items() if not hidden(name)}
        result[f"{board} files"] = " ".join(files)
        result |= {f"{board}/{name}": sha256 for name, sha256 in files.items() if name.endswith(".webp")}
    return result


def whole_boards(home: Path) -> list[str]:
    """Every entry is whole, and one ``render`` makes the board verify."""
    findings = []
    for board in boards(home / "boards"):
        board.entries()
        with board.locked():
            render(board)
        findings += map(str, verify(board))
    return findings


def small_zoo_board(home: Path, shared: Path) -> None:
    """A board of three images and one attack."""
    small_board(home / "boards", n=3, eps=["8/255"], attacks=["fgsm"])


def filled(home: Path) -> None:
    """``bench board fill`` with two models."""
    words = ("board", "fill", "small-linf", "--boards", "boards", "--out", "records")
    bench(*words, "--only", "ann_vanilla", "--only", "ann_at")


def ran(home: Path) -> None:
    """``bench board run``."""
    bench("board", "run", "small-linf", "zoo:ann_at", "--boards", "boards", "--out", "records")


def submission_prepared(home: Path, shared: Path) -> None:
    """A board and a submission to it."""
    small_zoo_board(home, shared)
    zoo_built(home / "mine", seed=SEED)


def submitted(home: Path) -> None:
    """``bench submit run``. Images beside the board are drawn by a seed that nobody knows; here it is the same each time."""
    memory._new_seed = lambda: 1  # type: ignore[attr-defined]
    bench("submit", "run", "mine", "--board", "small-linf", "--boards", "boards", "--out", "records")


def challenged_before(home: Path, shared: Path) -> None:
    """A board with one entry, and images against it that lie on the surface of its ball."""
    small_zoo_board(home, shared)
    ran(home)
    clean = load_samples("cifar10", split="test", n=3)
    signs = torch.randn(clean.images.shape, generator=torch.Generator().manual_seed(0)).sign()
    images = (clean.images + 7.9 / 255 * signs).clamp(0, 1)
    save_file({"images": images, "samples": clean.ids}, home / "images.safetensors")


def challenged(home: Path) -> None:
    """``bench challenge``."""
    words = ("challenge", "small-linf/ann_at", "images.safetensors", "--boards", "boards")
    bench(*words, "--who", "A. Nobody", "--how", "Random signs")


def entered_before(home: Path, shared: Path) -> None:
    """A board with one entry, and a record that is to enter."""
    small_pictures(home, shared)
    board = new_board(home / "boards", f"folder:{shared / 'pictures'}")
    enter(board, measured(board), card())
    SPARE[str(shared)] = measured(board, Linear(seed=3))


def tiny_board(home: Path) -> Board:
    """The board of :func:`entered_before`."""
    return Board("tiny-linf", 1, home / "boards" / "tiny-linf" / "v1")


def entered(home: Path) -> None:
    """An entry, without an evaluation before it."""
    enter(tiny_board(home), SPARE[str(shared_with(home))], card("second"))


def site_before(home: Path, shared: Path) -> None:
    """A board with two entries, and a site of it that is older."""
    entered_before(home, shared)
    (home / "boards" / "claims.yaml").write_text("{}\n")
    site(home)
    entered(home)


def site(home: Path) -> None:
    """``bench report site``."""
    bench("report", "site", "--boards", "boards", "--out", "site")
