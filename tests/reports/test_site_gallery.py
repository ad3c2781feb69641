"""Pictures of an entry: drawn from what was scored, checked, and shown on its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from support.submissions import small_board

from bench.boards.gallery import gallery_folder, read_gallery
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.board import board as command
from reports.site.build import build


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Board:
    home = tmp_path_factory.mktemp("gallery")
    board = small_board(home / "boards", n=8, attacks=["fgsm"], rank_by="2/255")
    words = ["fill", "small-linf", "--only", "snn_at", "--boards", str(home / "boards"), "--out", str(home / "records")]
    done = CliRunner().invoke(command, words, standalone_mode=False)
    assert (done.return_value, done.exception) == (0, None)
    assert "no gallery" not in done.output
    return board


@pytest.fixture
def board(filled: Board, tmp_path: Path) -> Board:
    shutil.copytree(filled.folder, tmp_path / filled.name / "v1")
    return Board(filled.name, 1, tmp_path / filled.name / "v1")


def test_what_is_shown_is_what_was_scored(filled: Board) -> None:
    (entry,) = filled.entries()
    found = read_gallery(filled, entry.name)
    assert found is not None
    rows = entry.record.rows.query("eps_text == '2/255'").set_index("sample")
    assert {rows.loc[one.sample, "verdict"] for one in found.shown if one.worst} <= {"broken"}
    assert {rows.loc[one.sample, "verdict"] for one in found.shown if not one.worst} <= {"robust"}
    assert all(one.before != one.after for one in found.shown if one.worst)
    with Image.open(gallery_folder(filled, entry.name) / found.shown[0].file) as picture:
        assert picture.size == (96, 294)
    assert verify(filled) == []


def other_record(folder: Path) -> None:
    path = folder / "gallery.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"record_sha256": "0" * 64}))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another picture": (lambda f: (f / "0.png").write_bytes(b"x"), "not the file that is listed"),
    "no picture": (lambda f: (f / "0.png").unlink(), "not the file that is listed"),
    "one more": (lambda f: (f / "x.html").write_text("x"), "not listed"),
    "another record": (other_record, "another record"),
    "no list": (lambda f: (f / "gallery.json").write_text("{}"), "not a readable gallery"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_gallery_is_found(board: Board, what: str) -> None:
    change, said = DAMAGE[what]
    change(gallery_folder(board, board.names()[0]))
    assert any(said in str(finding) for finding in verify(board))


def test_the_page_shows_it(filled: Board, tmp_path: Path) -> None:
    build(filled.folder.parents[1], tmp_path / "site")
    models = tmp_path / "site" / "boards" / "small-linf" / "v1" / "models"
    text = (models / "snn_at@1.html").read_text()
    found = read_gallery(filled, filled.names()[0])
    assert found is not None
    for one in found.shown:
        assert f'src="snn_at%401/{one.file}"' in text
        assert (models / "snn_at@1" / one.file).is_file()
