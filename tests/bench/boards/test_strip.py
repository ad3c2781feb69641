"""Strips of pictures: small, to be looked at, and without loss."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bench.boards.strip import Tile, decoded, encoded, widest_step
from bench.foundation.errors import BoardError


def tiles(largest: int, *, count: int = 3, side: int = 8) -> list[Tile]:
    """Random images, changed by at most ``largest`` levels."""
    rng = np.random.default_rng(largest)
    clean = rng.integers(0, 256, (count, side, side, 3))
    changed = (clean + rng.integers(-largest, largest + 1, clean.shape)).clip(0, 255)
    return [Tile(a.astype(np.uint8), b.astype(np.uint8)) for a, b in zip(clean, changed, strict=True)]


@pytest.mark.parametrize("largest", [0, 1, 2, 8, 127, 128, 255])
def test_images_come_back_exactly(largest: int) -> None:
    drawn = tiles(largest)
    step = widest_step(drawn)
    found = decoded(encoded(drawn, step), len(drawn), step)
    for tile, back in zip(drawn, found, strict=True):
        assert np.array_equal(tile.clean, back.clean)
        assert np.array_equal(tile.adversarial, back.adversarial)


def test_the_largest_change_is_just_in_view() -> None:
    drawn = tiles(2)
    step = widest_step(drawn)
    assert step == 63
    values = np.unique(np.stack([tile.difference(step) for tile in drawn]))
    assert values.tolist() == [2, 65, 128, 191, 254]
    assert np.unique(tiles(0)[0].difference(widest_step(tiles(0)))).tolist() == [128]


def test_what_is_seen_is_the_clean_image_above_the_difference() -> None:
    drawn = tiles(2)
    with Image.open(io.BytesIO(encoded(drawn, 63))) as image:
        pixels = np.asarray(image)
    assert np.array_equal(pixels[:8, 8:16], drawn[1].clean)
    assert np.array_equal(pixels[8:, 8:16], drawn[1].difference(63))


@pytest.mark.parametrize("content", [b"", b"RIFF", encoded(tiles(2, count=5), 63)])
def test_other_pictures_are_refused(content: bytes) -> None:
    with pytest.raises(BoardError):
        decoded(content, 3, 63)
