"""A few clean images and what an attack made of them, as one small picture without loss.

Above, the clean images beside each other; below, what changed, in steps of 1/255 around mid-grey. A step is drawn so many
grey levels wide that the largest change just reaches black or white: it can be looked at, and packs twice as well as the
adversarial images would, which are had back exactly.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.errors import BoardError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

GREY = 128


@dataclass(frozen=True)
class Tile:
    """An image and its adversarial one, 8 bits, (H, W, 3) each."""

    clean: Pixels
    adversarial: Pixels

    def difference(self, step: int) -> Pixels:
        """What changed, ``step`` grey levels for each 1/255, around mid-grey."""
        change = self.adversarial.astype(int) - self.clean
        return (GREY + step * change).clip(0, 255).astype(np.uint8)


def widest_step(tiles: Sequence[Tile]) -> int:
    """Grey levels to draw 1/255 with, so that the largest change of all tiles is just within black and white; at least 1."""
    largest = max(int(np.abs(tile.adversarial.astype(int) - tile.clean).max()) for tile in tiles)
    return max(1, 127 // max(1, largest))


def encoded(tiles: Sequence[Tile], step: int) -> bytes:
    """Tiles of one size as a lossless WebP."""
    from PIL import Image

    # Modulo 256, so that a change of more than 127 is had back too, from a step of 1.
    changes = [(GREY + step * (tile.adversarial.astype(int) - tile.clean)) % 256 for tile in tiles]
    rows = [np.concatenate([tile.clean for tile in tiles], 1), np.concatenate(changes, 1).astype(np.uint8)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, "WEBP", lossless=True, quality=75, method=4)
    return buffer.getvalue()


def decoded(content: bytes, count: int, step: int) -> list[Tile]:
    """The ``count`` tiles of a strip. Raises ``BoardError`` if it is none of so many tiles."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=["WEBP"]) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise BoardError("A strip of images cannot be read.", "Restore it, or draw it again.") from error
    height, width = pixels.shape[:2]
    if height % 2 or width % count:
        raise BoardError(f"A strip of images does not hold {count} of one size.", "Restore it, or draw it again.")
    clean, change = np.split(pixels, 2)
    adversarial = ((clean + (change.astype(int) - GREY) // step) % 256).astype(np.uint8)
    return [Tile(*pair) for pair in zip(np.split(clean, count, 1), np.split(adversarial, count, 1), strict=True)]
