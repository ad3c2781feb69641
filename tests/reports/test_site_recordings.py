"""Pictures of recordings: what changed is marked, nothing is lost on the way, and an entry's page shows them."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from support.submissions import small_board

from bench.boards.gallery import read_galleries, read_tiles
from bench.boards.store import Board
from bench.boards.strip import Tile, decoded, encoded, widest_step
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.data import load_samples
from reports.event_pictures import reel, unreeled
from reports.site.build import build
from reports.site.recordings import DEPTH, GREEN, ORANGE, PICTURES, changes, pictures
from zoo.card import card

Frames = NDArray[np.float32]


def recording(levels: int = 1) -> tuple[Frames, Frames]:
    """A recording of 4 frames of 2 x 6 x 7 cells, and one with an event more and one less; of up to ``levels`` of 255."""
    draw = np.random.default_rng(3)
    clean = ((draw.random((4, 2, 6, 7)) < 0.2) * draw.integers(1, levels + 1, (4, 2, 6, 7))).astype(np.float32)
    adversarial = clean.copy()
    clean[1, 0, 2, 3] = adversarial[2, 1, 4, 5] = levels
    clean[2, :, 4, 5] = adversarial[1, :, 2, 3] = 0
    scale = np.float32(1 if levels == 1 else 255)
    return clean / scale, adversarial / scale


@pytest.mark.parametrize("levels", [1, 200])
def test_a_reel_in_a_strip_gives_the_recording_back(levels: int) -> None:
    clean, adversarial = recording(levels)
    tiles = [Tile(reel(clean), reel(adversarial)), Tile(reel(adversarial), reel(clean))]
    step = widest_step(tiles)
    first, second = decoded(encoded(tiles, step), 2, step)
    for pixels, frames in ((first.clean, clean), (first.adversarial, adversarial), (second.clean, adversarial)):
        assert np.array_equal(unreeled(pixels, 4), frames)
    with pytest.raises(ValueError, match="no reel of 5 frames"):
        unreeled(first.clean, 5)


def test_changes_are_marked() -> None:
    clean, adversarial = recording()
    tiles = changes(clean, adversarial)
    assert tiles[2, 4, 5].tolist() == pytest.approx(GREEN) and tiles[1, 2, 3].tolist() == pytest.approx(ORANGE)
    strong = [np.isclose(tiles, colour).all(3).sum() for colour in (GREEN, ORANGE)]
    assert strong == [1, 1]
    assert np.array_equal((tiles == 1).all(3), (np.maximum(clean, adversarial) == 0).all(1))


def test_every_picture_says_what_happened() -> None:
    clean, adversarial = recording()
    files = pictures(Tile(reel(clean), reel(adversarial)), 4)
    assert set(files) == set(PICTURES)
    same = pictures(Tile(reel(clean), reel(clean)), 4)
    for name in ("", "-scatter"):
        with Image.open(io.BytesIO(files[name])) as picture, Image.open(io.BytesIO(same[name])) as unchanged:
            colours, calm = (
                set(map(tuple, np.asarray(each.convert("RGB")).reshape(-1, 3).tolist())) for each in (picture, unchanged)
            )
        green, orange = (tuple(round(255 * value) for value in colour) for colour in (GREEN, ORANGE))
        assert {green, orange} <= colours and not {green, orange} & calm
    with Image.open(io.BytesIO(files["-moving"])) as moving:
        assert getattr(moving, "n_frames", 1) == 4
    with Image.open(io.BytesIO(files["-scatter"])) as picture:
        assert picture.width > 3 * DEPTH
    assert pictures(Tile(reel(clean), reel(adversarial)), 4) == files


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Board:
    home = tmp_path_factory.mktemp("recordings")
    data = {"name": "nmnist_sim", "n": 8}
    board = small_board(home / "boards", data=data, norm="events_l0", eps=["8%"], rank_by="8%", attacks=["topk"])
    words = [
        "fill",
        "small-linf",
        "--only",
        "snn_ev_filter",
        "--boards",
        str(home / "boards"),
        "--out",
        str(home / "records"),
    ]
    done = CliRunner().invoke(command, words, standalone_mode=False)
    assert (done.return_value, done.exception) == (0, None), done.output
    assert "no gallery" not in done.output
    return board


@pytest.mark.slow
def test_the_strip_holds_the_recordings_that_were_scored(filled: Board) -> None:
    (entry,), (gallery,) = filled.entries(), read_galleries(filled).values()
    rows = entry.record.rows.query("eps_text == '8%'")
    distances = dict(zip(rows["sample"].tolist(), rows["norm_value"].tolist(), strict=True))
    samples = load_samples("nmnist_sim", n=8)
    assert gallery.frames == 10
    for image, tile in zip(gallery.images, read_tiles(filled, gallery), strict=True):
        before, after = (unreeled(pixels, 10) for pixels in (tile.clean, tile.adversarial))
        assert np.array_equal(before, samples.images[samples.ids.tolist().index(image.sample)].numpy())
        assert int((before != after).sum()) == distances[image.sample] > 0
    assert verify(filled) == []


def test_the_page_of_an_entry_shows_them(filled: Board, tmp_path: Path) -> None:
    build(filled.folder.parents[1], tmp_path / "site")
    at = tmp_path / "site" / "boards" / "small-linf" / "v1"
    entry = f"snn_ev_filter@{card('snn_ev_filter').version}"
    text = (at / "models" / f"{entry}.html").read_text()
    for number in range(len(read_galleries(filled).popitem()[1].images)):
        for end in PICTURES:
            assert f'"{entry.replace("@", "%40")}/{number}{end}.png"' in text
            assert (at / "models" / entry / f"{number}{end}.png").stat().st_size > 0
    table, protocol = (at / "index.html").read_text(), (at / "protocol.html").read_text()
    assert "8 recordings of the test split of nmnist_sim" in table and "median least" in table
    assert "the same 8 recordings" in protocol and "whole numbers of events" in protocol


def test_no_page_speaks_of_images(filled: Board, tmp_path: Path) -> None:
    build(filled.folder.parents[1], tmp_path / "site")
    for page in (tmp_path / "site" / "boards").rglob("*.html"):
        text = " ".join(unescape(re.sub(r"<[^>]*>", " ", page.read_text(encoding="utf-8"))).split())
        assert "8 bits" not in text, page
        assert not re.search(r"\b[Aa]n image|\bimages\b", text), (page, re.findall(r".{30}\bimages?\b.{30}", text))
