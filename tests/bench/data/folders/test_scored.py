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
    deep = load_samples(f"folder:{rated}").images[1]
    assert deep.shape == (3, 20, 24) and bool((deep == torch.tensor(3000 / 65535)).all())
    Image.fromarray(np.full((20, 24, 4), 100, np.uint8)).save(rated / "a.png")
    with pytest.raises(DataError, match="partly transparent"):
        _ = load_samples(f"folder:{rated}").pixels
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
        (GOOD.replace(",2", ""), r"Line 3 of .*scores\.csv has no score"),
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


READ = {
    "semicolons": "image;score;reference\nc.bmp;71.5;beach\na.png;3;beach\ndeep/b.png;-20;cat\n",
    "tabs": "image\tscore\treference\nc.bmp\t71.5\tbeach\na.png\t3\tbeach\ndeep/b.png\t-20\tcat\n",
    "capitals": "Image,SCORE,Reference\nc.bmp,71.5,beach\na.png,3,beach\ndeep/b.png,-20,cat\n",
    "decimal commas": "image;score;reference\nc.bmp;71,5;beach\na.png;3,0;beach\ndeep/b.png;-2,0e1;cat\n",
    "decimal commas, three digits": "image;score;reference\nc.bmp;71,500;beach\na.png;3,00;beach\ndeep/b.png;-20,000;cat\n",
    "quoted decimal commas": 'image,score,reference\nc.bmp,"71,5",beach\na.png,"3",beach\ndeep/b.png,-20,cat\n',
    "backslashes": "image,score,reference\n.\\c.bmp,71.5,beach\na.png,3,beach\ndeep\\b.png,-20,cat\n",
    "dots and other cases": "image,score,reference\n./C.BMP,71.5,beach\nA.png,3,beach\nDeep/b.PNG,-20,cat\n",
    "quotes": '"image","score","reference"\n"c.bmp","71.5","beach"\n"a.png",3,"beach"\n"deep/b.png","-20","c,at"\n',
    "blank lines and spaces": "\nimage, score , reference\n\n c.bmp, 71.5 ,beach\na.png,3,beach\n,,\ndeep/b.png,-20,cat,,\n",
    "more columns": "id,image,score,std,reference\n1,c.bmp,71.5,.2,beach\n2,a.png,3,.1,beach\n3,deep/b.png,-20,.4,cat\n",
    "a word for Excel": "sep=;\nimage;score;reference\nc.bmp;71.5;beach\na.png;3;beach\ndeep/b.png;-20;cat\n",
    "line ends of old": "image,score,reference\rc.bmp,71.5,beach\ra.png,3,beach\rdeep/b.png,-20,cat\r",
}


@pytest.mark.parametrize("table", READ.values(), ids=list(READ))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_is_unambiguous_is_read(rated: Path, table: str, encoding: str, ends: str) -> None:
    (rated / "scores.csv").write_bytes(table.replace("\n", ends).encode(encoding))
    samples = load_samples(f"folder:{rated}")
    assert samples.labels.tolist() == [71.5, 3.0, -20.0]
    assert samples.groups is not None and samples.groups.tolist() == [0, 0, 1]


def test_the_table_may_be_called_in_any_case_but_not_twice(rated: Path) -> None:
    (rated / "scores.csv").rename(rated / "Scores.CSV")
    assert len(load_samples(f"folder:{rated}")) == 3
    (rated / "scores.csv").write_text(GOOD)
    with pytest.raises(DataError, match=r"Scores\.CSV has a second one beside it"):
        load_samples(f"folder:{rated}")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("a.png,1\nc.bmp,2\n", r"no column 'image': its first line is 'a\.png,1'"),
        ("image|score\na.png|1\n", r"no column 'image': its first line is 'image\|score'"),
        ("image,score,Score\na.png,1,2\n", "the column 'score' twice"),
        (GOOD.replace(",2", ",2,5"), r"Line 3 of .* has 3 fields instead of 2.*decimal comma must be quoted"),
        (GOOD.replace(",2", ',"2,5"').replace(",1", ",1.5"), r"Line 3 of .* '2,5', and others have a decimal point"),
        (GOOD.replace(",2", ',"2,500"'), r"Line 3 of .* '2,500', in which the comma may stand for thousands"),
        (GOOD.replace(",2", ",1_0"), r"Line 3 of .*'1_0', which is no number"),
        (GOOD.replace(",2", ",1e60"), r"Line 3 of .* 1e60, which is too large"),
        (GOOD.replace(",2", ",1.000.000"), "which is no number"),
        (GOOD.replace(",2", ',"2'), r"no table from line \d on"),
        (GOOD.replace("c.bmp", '"c.bmp"x'), r"no table from line 3 on"),
        (GOOD + "\n\nb.png,4\n", r"Line 7 of .* names b\.png, which is not there.*Did you mean deep/b\.png"),
        (GOOD + "A.PNG,4\n", r"Line 5 of .* names A\.PNG twice; line 2 did before"),
        (GOOD + "C:\\a.png,4\n", "not below"),
        (GOOD + "notes.txt,4\n", r"Line 5 of .* names notes\.txt, which is no image of a kind that is read"),
        (GOOD + "x" * 5000 + ".png,4\n", "which is not there"),
        (GOOD + "x\0y.png,4\n", "which is not there|no table"),
        (GOOD.replace("a.png,1", ",1"), "Line 2 of .*'', which is not below"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_line(rated: Path, table: str, sentence: str) -> None:
    (rated / "notes.txt").write_text("")
    (rated / "scores.csv").write_text(table)
    with pytest.raises(DataError, match=sentence) as raised:
        load_samples(f"folder:{rated}")
    assert "\n" not in str(raised.value)


def test_images_that_others_refer_to_need_no_score(rated: Path) -> None:
    (rated / "scores.csv").write_text("image,score,reference\nc.bmp,1,deep/b.png\na.png,2,deep\\b.png\n")
    assert len(load_samples(f"folder:{rated}")) == 2
    save(rated / "other.png", 7)
    with pytest.raises(DataError, match=r"1 images without a score, other\.png first"):
        load_samples(f"folder:{rated}")


def test_images_that_nobody_made_need_no_score(rated: Path) -> None:
    for name in ("__MACOSX/a.png", "._a.png", "@eaDir/a.png", ".git/a.png"):
        save(rated / name, 7)
    assert len(load_samples(f"folder:{rated}")) == 3


def test_rated_images_are_not_resized(rated: Path) -> None:
    with pytest.raises(DataError, match=r"not resized.*crop=96"):
        load_samples(f"folder:{rated},size=16")
