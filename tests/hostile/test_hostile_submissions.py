"""Whatever a submission tries, it gets hold of nothing, leaves nothing, and no other entry of the board changes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.sandboxes import WORKING
from support.submissions import own_code, small_board, state, zoo_built

from bench.boards.store import Board
from bench.boards.submission.running import run
from bench.boards.submission.summary import summary
from bench.boards.submission.watchdog import descendants
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.foundation.errors import BenchError
from hostile.payloads import CHANNELS, LOOKUPS, MEMORIES, RESOURCES, Payload
from hostile.words import MARKUP, NAMES

pytestmark = pytest.mark.timeout(600)
ISOLATED = [
    pytest.mark.slow,
    pytest.mark.skipif(not WORKING, reason="this machine allows no namespaces, so own code is refused (tested elsewhere)"),
]
CODE = {
    f"{kind}: {name}": made for kind, table in (("lookup", LOOKUPS), ("memory", MEMORIES)) for name, made in table.items()
}
CODE |= {f"resource: {name}": made for name, made in RESOURCES.items()}


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with one entry, called ``honest``."""
    home = tmp_path_factory.mktemp("hostile")
    board = small_board(home / "boards", n=3, eps=["8/255"], attacks=["fgsm"])
    run(zoo_built(home / "honest"), board, out=home / "records")
    return board


@pytest.fixture
def board(honest: Board, tmp_path: Path) -> Board:
    """A copy of it, alone in its collection."""
    home = tmp_path / "boards" / honest.name / "v1"
    shutil.copytree(honest.folder, home)
    return Board(honest.name, 1, home)


@pytest.fixture(autouse=True)
def contained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A secret of the user, which no message holds; afterwards nothing runs, and nothing lies where nothing should."""
    monkeypatch.setenv("BENCH_SECRET", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    before = descendants(os.getpid())  # processes of other tests, such as a resource tracker, live as long as this one
    yield secret
    assert set(descendants(os.getpid())) <= set(before)
    assert {path.name for path in tmp_path.iterdir()} <= {"secret", "mine", "boards", "records"}
    assert secret.read_text() == "hunter2"


def refusal(folder: Path, board: Board, **options: object) -> str:
    """Why it is refused, in one sentence; the board is as it was before."""
    before = state(board.folder)
    with pytest.raises(BenchError) as caught:
        run(folder, board, out=folder.parent / "records", **options)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text and "\x1b" not in text and "hunter2" not in text and len(text) < 600
    assert state(board.folder) == before
    return text


@pytest.mark.parametrize("name", [pytest.param(name, marks=ISOLATED) for name in CODE])
def test_code_gets_hold_of_nothing(board: Board, tmp_path: Path, contained: Path, name: str) -> None:
    payload: Payload = CODE[name]
    folder = own_code(tmp_path / "mine", payload.text(contained, board.folder))
    text = refusal(folder, board, trust_code=True, limits=payload.limits)
    assert re.search(payload.says, text), text


@pytest.mark.parametrize("name", [pytest.param(name, marks=ISOLATED) for name in CHANNELS])
def test_no_note_passes_to_a_later_process(board: Board, tmp_path: Path, contained: Path, name: str) -> None:
    """As from the attacked process, which knows the labels, to the one that judges."""
    leave, look = CHANNELS[name]
    for code in (leave, look):
        folder = own_code(tmp_path / "mine", Payload(code).text(contained, board.folder))
        text = refusal(folder, board, trust_code=True, limits=Payload(code).limits)
        assert "got []" in text, text
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_others_stay_theirs(board: Board, tmp_path: Path, name: str) -> None:
    folder = zoo_built(tmp_path / "mine", seed=1)
    NAMES[name](folder)
    edit_authors(folder)
    assert refusal(folder, board)
    assert [str(entry.name) for entry in board.entries()] == ["honest@1"]


def edit_authors(folder: Path) -> None:
    """It is a stranger who brings it."""
    path = folder / "submission.yaml"
    path.write_text(path.read_text().replace("[A. Nobody]", "[B. Stranger]").replace("\nversion: 1\n", "\nversion: 2\n"))


@pytest.mark.parametrize("name", MARKUP)
def test_texts_instruct_nobody(board: Board, tmp_path: Path, name: str) -> None:
    """They are refused, or they enter as the texts that they are, and nothing else on the board changes."""
    folder = zoo_built(tmp_path / "mine", seed=1)
    change: Callable[[Path], None] = MARKUP[name]
    change(folder)
    kept, changes = board.archive.lines()["honest@1"], (board.folder / "CHANGELOG.md").read_text()
    before = state(board.folder)
    try:
        _, entry = run(folder, board, out=tmp_path / "records")
    except BenchError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "\n" not in refused and state(board.folder) == before
        return
    assert verify(board) == []
    assert board.archive.lines()["honest@1"] == kept
    log = (board.folder / "CHANGELOG.md").read_text()
    assert log.startswith(changes) and len(log[len(changes) :].splitlines()) == 1
    printed = CliRunner().invoke(command, ["show", "small-linf", "--boards", str(board.folder.parents[1])])
    assert printed.exit_code == 0, printed.output
    for text in (printed.output, summary(board, entry), (board.folder / "table.csv").read_text()):
        assert "\x1b" not in text and "\x07" not in text and "<script" not in text
        assert not any(line.startswith(("::", "##[")) for line in text.splitlines())
    page = summary(board, entry)
    assert "![" not in page.replace(r"\!\[", "") and "](javascript" not in page.replace(r"\]", "")
