"""Pictures of an entry: drawn from what was scored, checked, and shown on its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from support.submissions import small_board, state

from bench.boards.gallery import gallery_folder, read_galleries, read_tiles
from bench.boards.gallery_record import Gallery
from bench.boards.render import render
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.data import load_samples
from bench.foundation.files import sha256_file
from reports.site.build import build
from reports.site.gallery import draw_gallery


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


def gallery(board: Board) -> Gallery:
    """Of its only entry."""
    (found,) = read_galleries(board).values()
    return found


def test_what_is_shown_is_what_was_scored(filled: Board) -> None:
    (entry,) = filled.entries()
    found, clean = gallery(filled), load_samples("cifar10", n=8)
    rows = entry.record.rows.query("eps_text == '2/255'").set_index("sample")
    assert {rows.loc[one.sample, "verdict"] for one in found.images if one.worst} <= {"broken"}
    assert {rows.loc[one.sample, "verdict"] for one in found.images if not one.worst} <= {"robust"}
    assert all(one.before != one.after for one in found.images if one.worst)
    for one, tile in zip(found.images, read_tiles(filled, found), strict=True):
        image = clean.images[clean.ids.tolist().index(one.sample)].permute(1, 2, 0).numpy()
        assert np.array_equal(tile.clean, np.rint(image * 255))
        assert 0 < np.abs(tile.adversarial.astype(int) - tile.clean).max() <= 2
    assert verify(filled) == []


def test_a_gallery_is_drawn_once(board: Board) -> None:
    before = state(board.folder)
    assert draw_gallery(board, board.entries()[0], board.folder) is None
    assert state(board.folder) == before


def relisted(folder: Path, **changed: object) -> None:
    path = folder / "gallery.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed) + "\n")


def other_picture(folder: Path) -> None:
    """A picture and its hash."""
    path = folder / "snn_at@1.webp"
    Image.new("RGB", (7, 5)).save(path, lossless=True)
    relisted(folder, sha256=sha256_file(path))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another picture": (lambda f: (f / "snn_at@1.webp").write_bytes(b"x"), "not the file that is listed"),
    "another picture and its hash": (other_picture, "does not hold"),
    "no picture": (lambda f: (f / "snn_at@1.webp").unlink(), "not the file that is listed"),
    "one more": (lambda f: (f / "x.html").write_text("x"), "no part of a board"),
    "one more picture": (lambda f: (f / "x@1.webp").write_text("x"), "not listed"),
    "of another record": (lambda f: relisted(f, record_sha256="0" * 64), "another record"),
    "of another entry": (lambda f: relisted(f, name="x@1"), "x@1 is no entry"),
    "other words": (lambda f: relisted(f, eps="8/255"), "gallery.jsonl"),
    "no list": (lambda f: (f / "gallery.jsonl").write_text("{}"), "not a readable list"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_gallery_is_found(board: Board, what: str) -> None:
    change, said = DAMAGE[what]
    change(gallery_folder(board))
    assert any(said in str(finding) for finding in verify(board))


def test_what_a_killed_writer_left_is_removed(board: Board) -> None:
    before = state(board.folder)
    (gallery_folder(board) / "x@1.webp").write_bytes(b"begun")
    with board.locked():
        render(board)
    assert state(board.folder) == before


def test_the_page_shows_it(filled: Board, tmp_path: Path) -> None:
    build(filled.folder.parents[1], tmp_path / "site")
    models = tmp_path / "site" / "boards" / "small-linf" / "v1" / "models"
    text = (models / "snn_at@1.html").read_text()
    found = gallery(filled)
    for number, tile in enumerate(read_tiles(filled, found)):
        assert f'src="snn_at%401/{number}.png"' in text
        with Image.open(models / "snn_at@1" / f"{number}.png") as picture:
            pixels = np.asarray(picture)
        assert pixels.shape == (294, 96, 3)
        assert np.array_equal(pixels[1:96:3, 1::3], tile.clean)
        assert np.array_equal(pixels[199::3, 1::3], tile.difference(found.step))
