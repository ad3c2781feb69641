"""The page of an entry behind a spike camera: its strip gives scene, spikes and reconstruction back, and they are drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.leaderboard import board, kept_records

from bench.boards.card import EntryCard
from bench.boards.gallery import _line
from bench.boards.gallery_record import Gallery
from bench.boards.strip import decoded, encoded, widest_step
from reports.picks import Pick
from reports.site.build import write
from reports.site.camera_films import films, marked, sheet
from reports.site.cameras import camera_of, filmed, unrolled
from reports.site.recordings import GREEN, ORANGE
from reports.site.view import view
from zoo.cameras.networks import ThroughPictures, ThroughSpikes

CAMERA: dict[str, Any] = {"ticks": 8, "gain": 0.5, "initial": 0.0}
SMALL: dict[str, Any] = {"neuron": {}, "widths": (4, 4, 4, 4)}
BEFORE = np.full((32, 32, 3), 0.5, np.float32)
AFTER = BEFORE.copy()
BEFORE[16, 3] = (1.0, 0.0, 0.5)
AFTER[16, 3] = (0.0, 1.0, 0.5)
PICK = Pick(7, BEFORE, AFTER, "cat", "dog", True)


@pytest.fixture(params=["pictures", "spikes"])
def model(request: pytest.FixtureRequest) -> ThroughPictures | ThroughSpikes:
    if request.param == "spikes":
        return ThroughSpikes(camera=CAMERA, network=SMALL).eval()
    return ThroughPictures(camera=CAMERA, reconstruction="tfp", network=SMALL | {"steps": 2}).eval()


def test_a_strip_gives_the_film_back(model: ThroughPictures | ThroughSpikes) -> None:
    tile = filmed(model, PICK)
    step = widest_step([tile])
    (again,) = decoded(encoded([tile], step), 1, step)
    for pixels, scene in ((again.clean, BEFORE), (again.adversarial, AFTER)):
        film = unrolled(pixels, 8)
        assert np.array_equal(film.scene, np.rint(scene * 255))
        # Half a charge a tick fires at every second tick, a quarter at every fourth.
        rates = film.spikes[:, 16, 3].mean(0).tolist()
        assert rates == [scene[16, 3, channel] / 2 for channel in range(3)]
        assert film.reconstruction[16, 3, :2].tolist() == (255 * scene[16, 3, :2]).tolist()
    with pytest.raises(ValueError, match="no film of 7 ticks"):
        unrolled(again.clean, 7)


def test_what_changed_is_marked(model: ThroughPictures | ThroughSpikes) -> None:
    before, after = (unrolled(pixels, 8) for pixels in (filmed(model, PICK).clean, filmed(model, PICK).adversarial))
    plain = np.zeros((2, 2, 3), bool)
    fired = plain.copy()
    fired[0, 1, 2] = True
    green, orange = ([round(255 * level) for level in colour] for colour in (GREEN, ORANGE))
    assert marked(plain, fired)[0, 1].tolist() == green and marked(fired, plain)[0, 1].tolist() == orange
    assert (marked(fired, fired) == 255).all()
    assert sheet(before, after).shape == (32 + 2 + 8 + 2 + 32, 3 * 32 + 2 * 2, 3)


def test_the_files_of_a_scene() -> None:
    model = ThroughSpikes(camera=CAMERA, network=SMALL).eval()
    tile = filmed(model, PICK)
    files = films(tile, 8)
    assert set(files) == {"", "-still", "-moving"}
    with Image.open(io.BytesIO(files["-moving"])) as moving, Image.open(io.BytesIO(files["-still"])) as still:
        assert getattr(moving, "n_frames", 1) == 8 and moving.size == still.size
    assert films(replace(tile, adversarial=tile.clean), 8)[""] != files[""]


def test_only_a_model_of_the_zoo_is_asked_for_a_film() -> None:
    def entry(kind: str, name: str) -> Any:
        card = EntryCard.model_validate({"name": name, "version": 1, "kind": kind, "submitted": "2026-01-02"})
        return SimpleNamespace(card=card)

    assert camera_of(entry("own_code", "cam_tfp_snn")) is None
    assert camera_of(entry("zoo", "snn_at")) is None and camera_of(entry("zoo", "of_nobody")) is None
    assert isinstance(camera_of(entry("zoo", "cam_tfp_snn")), ThroughPictures)


def test_the_page_shows_the_film(tmp_path: Path) -> None:
    seen = view(board(tmp_path / "boards", records=kept_records()[:1]), [1])
    tile = filmed(ThroughSpikes(camera=CAMERA, network=SMALL).eval(), PICK)
    image = {"sample": 7, "before": "cat", "after": "dog", "worst": True}
    gallery = Gallery.model_validate(
        {"name": seen.entries[0].name, "record_sha256": "0" * 64, "eps": "8/255", "step": 1, "ticks": 8, "images": [image]}
    )
    assert '"ticks":8' in _line(gallery) and "frames" not in _line(gallery)
    assert "ticks" not in _line(gallery.model_copy(update={"ticks": 0}))
    entry = replace(seen.entries[0], gallery=gallery, tiles=[tile])
    write([replace(seen, entries=[entry])], [], tmp_path / "site")
    models = tmp_path / "site" / "boards" / seen.name / "models"
    page = (models / f"{entry.name}.html").read_text()
    for end in ("", "-still", "-moving"):
        assert f'0{end}.png"' in page and (models / entry.name / f"0{end}.png").stat().st_size > 0
    assert "8 ticks" in page
