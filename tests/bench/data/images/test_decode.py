"""Pixels of image files of any kind: at full depth, or refused in one sentence."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.deep_images import chunk, levels, png, tiff

from bench.data.images.decode import read_pixels
from bench.data.images.fit import Crop, Resize
from bench.data.images.formats import read_header
from bench.foundation.errors import DataError

HEIGHT, WIDTH = 7, 5


def exif_chunk(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\x00\x00"))


def stored(folder: Path, content: bytes, name: str = "x.png") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def expected(values: NDArray[np.uint16]) -> NDArray[np.float64]:
    return values.transpose(2, 0, 1).astype(np.float64) / 65535


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", ["png", "tiff", "tiff MM", "tiff deflate", "tiff MM deflate"])
def test_16_bits_are_read_at_full_depth(tmp_path: Path, form: str, channels: int) -> None:
    values = levels(HEIGHT, WIDTH, channels)
    content = png(values) if form == "png" else tiff(values, big_endian="MM" in form, deflate="deflate" in form)
    path = stored(tmp_path, content, f"x.{form[:3]}")
    pixels = read_pixels(path)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, expected(values), rtol=0, atol=1e-7)
    assert len(np.unique(pixels)) > 25, "more than the upper bytes"
    header = read_header(path)
    assert (header.height, header.width, header.channels, header.deep) == (HEIGHT, WIDTH, channels, True)


def test_a_48_bit_image_turned_by_exif_is_set_upright(tmp_path: Path) -> None:
    values = levels(HEIGHT, WIDTH, 3)
    path = stored(tmp_path, png(values, before=exif_chunk(6)))
    np.testing.assert_allclose(read_pixels(path), expected(np.rot90(values, -1)), atol=1e-7)
    assert (read_header(path).height, read_header(path).width) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_header_and_pixels_agree_on_every_orientation(tmp_path: Path, ending: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{ending}"
    Image.fromarray(np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)).save(path, exif=exif)
    header = read_header(path)
    assert read_pixels(path).shape == (3, header.height, header.width)
    assert (header.height > header.width) == (orientation < 5)


def test_resizing_and_cropping_16_bits(tmp_path: Path) -> None:
    values = levels(64, 64, 3)
    path = stored(tmp_path, png(values))
    np.testing.assert_allclose(read_pixels(path, Crop(4)), expected(values[30:34, 30:34]), atol=1e-7)
    small = read_pixels(path, Resize(4, 8))
    assert small.shape == (3, 4, 8)
    eight = (values >> 8).astype(np.uint8)
    resized = np.asarray(Image.fromarray(eight).resize((8, 4), Image.Resampling.BILINEAR)).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(small, resized, atol=1.5 / 255)
    flat = stored(tmp_path, png(np.full((9, 9, 3), 65535, np.uint16)))
    assert float(read_pixels(flat, Resize(5, 4)).max()) == 1.0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(levels(4, 4, 2)), "more than 8 bits per channel and an alpha channel"),
        (png(levels(4, 4, 4)), "more than 8 bits per channel and an alpha channel"),
        (png(levels(4, 4, 3), before=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))), "a transparent colour"),
        (png(levels(4, 4, 1), before=chunk(b"tRNS", struct.pack(">H", 1))), "a transparent colour"),
        (tiff(levels(4, 4, 1), t339=2), "more than 8 bits per channel, in mode I"),
        (tiff(levels(4, 4, 1), t262=0), "not read at full depth"),
        (tiff(levels(4, 4, 3), t284=2), "not read at full depth"),
        (b"P5 2 2 65535\n" + bytes(8), "other than 256 levels"),
        (b"P6 2 2 65535\n" + bytes(24), "other than 256 levels"),
        (b"P6 2 2 100\n" + bytes(12), "other than 256 levels"),
        (b"P3 2 1 15\n 1 2 3 4 5 6\n", "other than 256 levels"),
        (b"Pf 2 2 -1.0\n" + bytes(16), "floating-point"),
        (b"GIF89a" + bytes(40), "cannot be read as an image"),
        (b"", "cannot be read as an image"),
    ],
)
def test_what_is_not_read_at_full_depth_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = stored(tmp_path, content)
    for read in (read_header, read_pixels):
        with pytest.raises(DataError, match=sentence):
            read(path)  # type: ignore[operator]


def test_netpbm_of_256_levels_is_read(tmp_path: Path) -> None:
    pixels = read_pixels(stored(tmp_path, b"P6 2 1 255\n" + bytes(range(6))))
    assert pixels[:, 0].T.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_pixels(stored(tmp_path, b"P5 2 1 255\n\x07\x08"))[0, 0].tolist() == [7, 8]
    assert read_pixels(stored(tmp_path, b"P1 2 1\n1 0\n"))[0, 0].tolist() == [0, 255]


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_colours_that_are_refused(tmp_path: Path) -> None:
    grey = np.full((4, 4), 9, np.float32)
    for image, name, sentence in (
        (Image.fromarray(grey), "x.tiff", "floating-point values"),
        (Image.fromarray(grey.astype(np.int32)), "y.tiff", "more than 8 bits per channel, in mode I"),
        (Image.new("CMYK", (4, 4)), "x.jpg", "colours of mode CMYK"),
        (Image.new("LAB", (4, 4)), "z.tiff", "colours of mode LAB"),
    ):
        with pytest.raises(DataError, match=sentence):
            read_header(saved(image, tmp_path / name))


def test_one_bit_palettes_and_opaque_alpha(tmp_path: Path) -> None:
    one_bit = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert read_pixels(saved(one_bit, tmp_path / "1.png")).tolist() == [[[0, 255]]]
    palette = Image.new("P", (2, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert read_pixels(saved(palette, tmp_path / "p.png"))[:, 0, 0].tolist() == [10, 20, 30]
    assert read_pixels(saved(Image.new("RGBA", (2, 1), (1, 2, 3, 255)), tmp_path / "a.png")).shape == (3, 1, 2)
    assert read_pixels(saved(Image.new("LA", (2, 1), (7, 255)), tmp_path / "la.png")).tolist() == [[[7, 7]]]
    saved(palette, tmp_path / "hole.png", transparency=1)
    with pytest.raises(DataError, match=r"hole\.png is partly transparent"):
        read_pixels(tmp_path / "hole.png")


def test_animations_are_refused_and_the_first_picture_of_a_camera_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (10, 200)]
    for name in ("x.webp", "x.png", "x.tiff"):
        saved(frames[0], tmp_path / name, save_all=True, append_images=frames[1:])
        with pytest.raises(DataError, match="several frames"):
            read_header(tmp_path / name)
    saved(frames[0], tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert abs(int(read_pixels(tmp_path / "phone.jpg")[0].mean()) - 10) < 4


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    for name, sentence in (("pipe.png", "no regular file"), ("link.png", "a link to nothing"), ("gone.png", "not there")):
        with pytest.raises(DataError, match=sentence):
            read_header(tmp_path / name)


@pytest.mark.slow
def test_damaged_files_end_in_one_sentence(tmp_path: Path) -> None:
    """300 mutations each of seven kinds of image: read, or refused; never another exception."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    contents = [png(levels(6, 6, 3)), tiff(levels(6, 6, 3)), tiff(levels(6, 6, 1), deflate=True)]
    for ending in ("png", "jpg", "webp", "tiff", "bmp"):
        contents.append(saved(picture, tmp_path / f"whole.{ending}").read_bytes())
    outcomes = {"read": 0, "refused": 0}
    for content in contents:
        for _ in range(300):
            damaged = bytearray(content)
            for _ in range(rng.integers(1, 4)):
                damaged[rng.integers(0, min(len(damaged), 200))] = rng.integers(0, 256)
            cut = len(damaged) if rng.random() < 0.7 else int(rng.integers(0, len(damaged)))
            path = stored(tmp_path, bytes(damaged[:cut]), "damaged")
            try:
                read_header(path)
                pixels = read_pixels(path)
            except DataError:
                outcomes["refused"] += 1
            else:
                outcomes["read"] += 1
                assert pixels.ndim == 3 and len(pixels) in (1, 3)
    assert min(outcomes.values()) > 100, outcomes
