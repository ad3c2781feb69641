"""Boards of version 0.1 are read as they are, and moved into a few files without a change to what they say."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from support.killing import killed_before
from support.submissions import state

from bench.boards.challenge_record import Challenge
from bench.boards.entering import add_challenge
from bench.boards.gallery import read_galleries, read_tiles
from bench.boards.naming import EntryName
from bench.boards.old_layout import entry_folder
from bench.boards.render import render
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.records.storage import read_folder
from bench.foundation.errors import BenchError
from bench.foundation.files import sha256_file
from reports.site.build import build

FIRST, SECOND = EntryName("ann_at", 1), EntryName("ann_vanilla", 1)


@pytest.fixture
def old(tmp_path: Path) -> Board:
    """Two entries, of which the second has a challenge and a gallery, as version 0.1 wrote them."""
    with zipfile.ZipFile(Path(__file__).with_name("old_layout.zip")) as archive:
        archive.extractall(tmp_path / "boards")
    return Board("old-linf", 1, tmp_path / "boards" / "old-linf" / "v1")


def migrated(board: Board) -> Board:
    with board.locked():
        render(board)
    return board


def test_old_boards_are_read(old: Board) -> None:
    before = state(old.folder)
    assert verify(old) == []
    assert old.names() == [FIRST, SECOND]
    first, second = old.entries()
    assert first.record_sha256 == sha256_file(entry_folder(old.folder, FIRST) / "record.json")
    assert (len(first.challenges), len(second.challenges)) == (0, 1)
    assert list(read_galleries(old)) == [SECOND]
    assert state(old.folder) == before


def test_nothing_is_lost(old: Board, tmp_path: Path) -> None:
    before, texts, images = old.entries(), state(old.folder), read_tiles(old, read_galleries(old)[SECOND])
    challenge = (entry_folder(old.folder, SECOND) / "challenges" / "0001.json").read_bytes()
    records = {name: read_folder(entry_folder(old.folder, name))[0] for name in old.names()}
    migrated(old)
    assert verify(old) == []
    assert not (old.folder / "entries").exists()
    assert list(state(old.folder)) == [
        "CHANGELOG.md",
        "SHA256SUMS",
        "cards.yaml",
        "challenges/ann_vanilla@1/0001.json",
        "gallery/ann_vanilla@1.webp",
        "gallery/gallery.jsonl",
        "protocol.sha256",
        "protocol.yaml",
        "records.jsonl",
        "rows.parquet",
        "table.csv",
    ]
    for name in ("CHANGELOG.md", "table.csv", "protocol.yaml", "protocol.sha256"):
        assert state(old.folder)[name] == texts[name]
    assert (old.folder / "challenges" / str(SECOND) / "0001.json").read_bytes() == challenge
    for entry, now in zip(before, old.entries(), strict=True):
        assert (entry.name, entry.card, entry.record_sha256, entry.challenges) == (
            now.name,
            now.card,
            now.record_sha256,
            now.challenges,
        )
        assert now.record.model_dump() == records[entry.name].model_dump()
        pd.testing.assert_frame_equal(now.record.rows, records[entry.name].rows)
    for tile, back in zip(images, read_tiles(old, read_galleries(old)[SECOND]), strict=True):
        assert np.array_equal(tile.clean, back.clean)
        assert np.array_equal(tile.adversarial, back.adversarial)


def test_pictures_stay_what_they_were(old: Board) -> None:
    """An old picture had been enlarged three times; what is kept is the image itself."""
    with Image.open(old.folder / "gallery" / str(SECOND) / "0.png") as image:
        pixels = np.asarray(image)
    gallery = read_galleries(migrated(old))[SECOND]
    tile = read_tiles(old, gallery)[0]
    assert tile.clean.shape == (32, 32, 3)
    for row, kept in enumerate((tile.clean, tile.adversarial)):
        assert np.array_equal(kept.repeat(3, 0).repeat(3, 1), pixels[row * 99 : row * 99 + 96])
    assert [(shown.sample, shown.worst) for shown in gallery.images] == [(0, True), (1, False)]


def shown(site: Path) -> dict[str, str]:
    """Pages, and hashes of other files, without the files that a board offers: migration makes its archive one of them."""
    offered = re.compile(r'<ul class="files">.*?</ul>', re.DOTALL)
    pages = {str(page.relative_to(site)): offered.sub("", page.read_text()) for page in site.rglob("*.html")}
    archive = (RECORDS_FILE, ROWS_FILE)
    return {name: value for name, value in state(site).items() if Path(name).name not in archive} | pages


def test_pages_of_old_boards_show_the_same(old: Board, tmp_path: Path) -> None:
    root = old.folder.parents[1]
    build(root, tmp_path / "before")
    migrated(old)
    build(root, tmp_path / "after")
    before, after = shown(tmp_path / "before"), shown(tmp_path / "after")
    assert len(before) > 10 and before == after


def test_whoever_writes_migrates(old: Board) -> None:
    (challenge,) = old.entry(SECOND).challenges
    again = Challenge.model_validate(challenge.model_dump() | {"images_sha256": "0" * 64})
    add_challenge(old, SECOND, again)
    assert not old.is_old
    assert verify(old) == []
    assert len(old.entry(SECOND).challenges) == 2


def test_old_entries_that_a_merge_brings_are_moved(old: Board, tmp_path: Path) -> None:
    """One branch has moved its board, another has entered a model in the old layout."""
    shutil.copytree(old.folder, tmp_path / "other" / "v1")
    other = Board(old.name, 1, tmp_path / "other" / "v1")
    for folder in (entry_folder(old.folder, SECOND), old.folder / "gallery" / str(SECOND)):
        shutil.rmtree(folder)
    (old.folder / "CHANGELOG.md").unlink()
    migrated(old)
    assert (old.names(), verify(old)) == ([FIRST], [])
    for folder in (Path("entries") / str(SECOND), Path("gallery") / str(SECOND)):
        shutil.copytree(other.folder / folder, old.folder / folder)
    assert any("no part of a board" in str(finding) for finding in verify(old))
    migrated(old)
    assert state(old.folder) == state(migrated(other).folder)
    assert (old.names(), verify(old)) == ([FIRST, SECOND], [])


def test_the_command(old: Board) -> None:
    asked = ["migrate", "--boards", str(old.folder.parents[1])]
    first = CliRunner().invoke(command, asked, standalone_mode=False)
    assert (first.exception, first.output) == (None, "old-linf/v1: migrated\n")
    after = state(old.folder)
    second = CliRunner().invoke(command, asked, standalone_mode=False)
    assert second.output == "old-linf/v1: is in the present layout\n"
    assert state(old.folder) == after


@pytest.mark.slow
def test_killed_at_every_write(old: Board, tmp_path: Path) -> None:
    """Killed before any of its renames or removals, a board reads as before, and the same command finishes it."""
    home = old.folder.parents[1]
    hashes = [entry.record_sha256 for entry in old.entries()]
    shutil.copytree(home, tmp_path / "whole")
    wanted = state(migrated(Board(old.name, 1, tmp_path / "whole" / old.name / "v1")).folder)
    for step in count():
        shutil.copytree(home, tmp_path / f"{step}")
        board = Board(old.name, 1, tmp_path / f"{step}" / old.name / "v1")
        finished = killed_before(step, lambda board=board: migrated(board))  # type: ignore[misc]
        assert [entry.record_sha256 for entry in board.entries()] == hashes
        assert state(migrated(board).folder) == wanted
        if finished:
            break
    assert step > 8


DAMAGE: dict[str, Callable[[Board], object]] = {
    "rows": lambda board: (entry_folder(board.folder, FIRST) / "rows.parquet").write_bytes(b"PAR1"),
    "a record": lambda board: (entry_folder(board.folder, FIRST) / "record.json").write_text("{}"),
    "a result": lambda board: edited(entry_folder(board.folder, FIRST) / "record.json"),
    "a card": lambda board: (entry_folder(board.folder, FIRST) / "card.yaml").write_text("name: x\n"),
    "a challenge": lambda board: (entry_folder(board.folder, SECOND) / "challenges" / "0001.json").write_text("{"),
    "a foreign file": lambda board: (entry_folder(board.folder, FIRST) / "x.pkl").write_bytes(b""),
    "a foreign folder": lambda board: (board.folder / "entries" / "X").mkdir(),
    "a picture": lambda board: (board.folder / "gallery" / str(SECOND) / "0.png").write_bytes(b"x"),
    "a list of pictures": lambda board: (board.folder / "gallery" / str(SECOND) / "gallery.json").write_text("{}"),
}


def edited(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 1.0}, indent=2))


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_stays_where_it_is(old: Board, what: str) -> None:
    DAMAGE[what](old)
    before = state(old.folder)
    assert verify(old)
    with pytest.raises(BenchError):
        migrated(old)
    assert {name: state(old.folder)[name] for name in before} == before
    assert old.is_old
