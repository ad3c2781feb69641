from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import load_samples
from bench.foundation.errors import DataError


def save(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (6, 4), value: int = 0, form: str | None = None) -> None:
    """One image of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    grey = np.full((height, width), value, np.uint8)
    Image.fromarray(grey).convert(mode).save(path, form)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / "cat" / f"{number}.png", value=10 + number)
    save(tmp_path / "ant" / "x.PNG", value=20)
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def read(path: Path, size: str = "", n: int | None = None) -> tuple[list[int], list[int], torch.Tensor]:
    samples = load_samples(f"folder:{path}{size}", n=n)
    return samples.pixels[:, 0, 0, 0].tolist(), samples.labels.tolist(), samples.pixels


def test_classes_take_turns_and_are_sorted(animals: Path) -> None:
    values, labels, pixels = read(animals)
    assert pixels.shape == (4, 3, 4, 6)
    assert values == [20, 10, 11, 12]
    assert labels == [0, 1, 1, 1]
    samples = load_samples(f"folder:{animals}", n=2)
    assert samples.class_names == ("ant", "cat")
    assert samples.labels.tolist() == [0, 1]
    assert samples.sha256() == load_samples(f"folder:{animals}").take(2).sha256()


def test_classes_txt_gives_the_labels(animals: Path) -> None:
    (animals / "classes.txt").write_text("bee\ncat\n\nant\n")
    samples = load_samples(f"folder:{animals}")
    assert samples.class_names == ("bee", "cat", "ant")
    assert samples.labels.tolist() == [1, 2, 1, 1]


@pytest.mark.parametrize(("text", "sentence"), [("cat\n", "does not name the folder 'ant'"), ("cat\ncat\nant", "twice")])
def test_a_bad_classes_txt(animals: Path, text: str, sentence: str) -> None:
    (animals / "classes.txt").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read(animals)


def test_sizes_must_be_equal_or_given(animals: Path) -> None:
    save(animals / "cat" / "large.png", size=(12, 8), value=99)
    with pytest.raises(DataError, match=r"large\.png is 8 x 12, but .*x\.PNG is 4 x 6.*size=4x6"):
        read(animals)
    assert read(animals, ",size=4x6")[2].shape == (5, 3, 4, 6)
    assert read(animals, ",size=5")[2].shape == (5, 3, 5, 5)


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    board = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a" / "board.png")
    _, _, pixels = read(tmp_path, ",size=8")
    assert (pixels.float() - 127.5).abs().max() < 4


def test_grey_stays_grey_only_among_grey(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", mode="L", value=7)
    save(tmp_path / "a" / "2.png", mode="1", value=255)
    assert read(tmp_path)[2].shape == (2, 1, 4, 6)
    save(tmp_path / "a" / "3.png", mode="P", value=9)
    save(tmp_path / "a" / "4.png", mode="RGBA", value=11)
    values, _, pixels = read(tmp_path)
    assert pixels.shape == (4, 3, 4, 6)
    assert values == [7, 255, 9, 11]


def test_transparency_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGBA", (4, 4), (1, 2, 3, 128)).save(tmp_path / "a" / "t.png")
    with pytest.raises(DataError, match=r"t\.png is partly transparent"):
        read(tmp_path)


def test_foreign_colours_are_refused(tmp_path: Path) -> None:
    for name, image, sentence in (
        ("float.tiff", Image.fromarray(np.ones((4, 4), np.float32)), "floating-point values"),
        ("print.jpg", Image.new("CMYK", (4, 4)), "colours of mode CMYK"),
    ):
        folder = tmp_path / name / "class"
        folder.mkdir(parents=True)
        image.save(folder / name)
        with pytest.raises(DataError, match=sentence):
            read(tmp_path / name)


def test_animations_and_broken_files_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    frames = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(folder / "moves.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="several frames"):
        read(tmp_path)
    (folder / "moves.webp").unlink()
    save(folder / "cut.png", size=(64, 64))
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"cut\.png cannot be read as an image"):
        read(tmp_path)
    (folder / "cut.png").write_text("<html>")
    with pytest.raises(DataError, match="cannot be read as an image"):
        read(tmp_path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a" / "bomb.png", size=(60, 60))
    for limit in (1000, 3000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="is too large"):
            read(tmp_path)


def test_turned_photographs_are_set_upright(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(tmp_path / "a" / "turned.jpg", exif=exif)
    assert read(tmp_path)[2].shape == (1, 3, 6, 4)


def test_folders_that_hold_no_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match="no class folders"):
        read(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        read(tmp_path)


def test_number_and_split(animals: Path) -> None:
    with pytest.raises(DataError, match=r"5 samples were asked for, but .* has 4\. Ask for at most 4"):
        read(animals, n=5)
    with pytest.raises(DataError):
        read(animals, n=0)
    with pytest.raises(DataError, match="has no split 'train'"):
        load_samples(f"folder:{animals}", split="train")
