"""A folder of one's own rated images, and everything that may be wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import load_samples
from bench.foundation.errors import DataError


def save(path: Path, seed: int, *, mode: str = "RGB", size: tuple[int, int] = (24, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    top = tmp_path / "mine"
    for number, name in enumerate(("a.png", "deep/b.png", "c.bmp")):
        save(top / name, number)
    (top / "scores.csv").write_text("image,score,reference\nc.bmp,71.5,beach\na.png,3,beach\ndeep/b.png,-2e1,cat\n")
    return top


def test_the_table_gives_order_scores_and_references(rated: Path) -> None:
    samples = load_samples(f"folder:{rated}")
    assert samples.labels.tolist() == [71.5, 3.0, -20.0] and samples.labels.dtype == torch.float32
    assert samples.groups is not None and samples.groups.tolist() == [0, 0, 1]
    assert samples.ids.tolist() == [0, 1, 2] and samples.name == "folder:mine"
    with Image.open(rated / "a.png") as image:
        np.testing.assert_array_equal(samples.pixels[1], np.asarray(image).transpose(2, 0, 1))
    assert len(load_samples(f"folder:{rated}", n=2)) == 2
    with pytest.raises(DataError, match="Ask for at most 3"):
        load_samples(f"folder:{rated}", n=4)
    with pytest.raises(DataError, match="no split 'train'"):
        load_samples(f"folder:{rated}", split="train")


def test_without_references_every_image_is_one(rated: Path) -> None:
    (rated / "scores.csv").write_text("\ufeffimage, score\na.png, 1\nc.bmp, 2\ndeep/b.png, 2\n", encoding="utf-8")
    groups = load_samples(f"folder:{rated}").groups
    assert groups is not None and groups.tolist() == [0, 1, 2]


def test_crops_are_central_and_sizes_must_be_equal(rated: Path) -> None:
    samples = load_samples(f"folder:{rated},crop=16")
    with Image.open(rated / "a.png") as image:
        np.testing.assert_array_equal(samples.pixels[1], np.asarray(image)[2:18, 4:20].transpose(2, 0, 1))
    save(rated / "a.png", 0, size=(32, 20))
    with pytest.raises(DataError, match=r"a\.png is 20 x 32, but .*c\.bmp is 20 x 24.*crop that fits all"):
        load_samples(f"folder:{rated}")
    assert load_samples(f"folder:{rated},crop=16").pixels.shape == (3, 3, 16, 16)
    with pytest.raises(DataError, match="smaller than the crop of 96"):
        load_samples(f"folder:{rated},crop=96")


def test_grey_becomes_rgb_and_what_needs_a_guess_is_refused(rated: Path) -> None:
    save(rated / "a.png", 0, mode="L")
    grey = load_samples(f"folder:{rated}").pixels[1]
    assert bool((grey == grey[:1]).all())
    Image.fromarray(np.full((20, 24), 3000, np.uint16)).save(rated / "a.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        load_samples(f"folder:{rated}")
    Image.fromarray(np.full((20, 24, 4), 100, np.uint8)).save(rated / "a.png")
    with pytest.raises(DataError, match="partly transparent"):
        load_samples(f"folder:{rated}")
    (rated / "a.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match="cannot be read as an image"):
        load_samples(f"folder:{rated}")


GOOD = "image,score\na.png,1\nc.bmp,2\ndeep/b.png,3\n"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("name,score\na.png,1\n", "no column 'image'"),
        ("image,mos\na.png,1\n", "no column 'score'"),
        ("", "no column 'image'"),
        ("image,score\n", "3 images without a score, a.png first"),
        (GOOD.replace("c.bmp,2\n", ""), "1 images without a score, c.bmp first"),
        (GOOD + "d.png,4\n", "d.png, which is not there"),
        (GOOD + "a.png,4\n", "a.png twice"),
        (GOOD.replace(",2", ",good"), "c.bmp the score 'good', which is no number"),
        (GOOD.replace(",2", ",nan"), "c.bmp the score 'nan', which is no number"),
        (GOOD.replace(",2", ""), "c.bmp the score None, which is no number"),
        (GOOD + "../a.png,1\n", r"'\.\./a\.png', which is not below"),
        (GOOD + ",1\n", "'', which is not below"),
        (GOOD.replace(",2", ",1").replace(",3", ",1.0"), "are the same"),
    ],
)
def test_a_table_that_does_not_match_is_one_sentence(rated: Path, table: str, sentence: str) -> None:
    (rated / "scores.csv").write_text(table)
    with pytest.raises(DataError, match=sentence):
        load_samples(f"folder:{rated}")


def test_an_empty_folder_and_bytes_that_are_no_text(tmp_path: Path, rated: Path) -> None:
    (tmp_path / "scores.csv").write_text("image,score\n")
    for path in [*rated.rglob("*.png"), *rated.rglob("*.bmp")]:
        path.unlink()
    with pytest.raises(DataError, match="rates no image"):
        load_samples(f"folder:{tmp_path}")
    (rated / "scores.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        load_samples(f"folder:{rated}")
