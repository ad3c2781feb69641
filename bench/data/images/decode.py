"""From an image file to pixels: uint8, or float32 in [0,1] where the file has 16 bits per channel.

Photographs are turned upright as their EXIF orientation says. One bit becomes 0 and 255; palettes become RGB. A 16-bit
value v becomes v/65535. Pillow reads 48-bit colours as 24-bit ones, so each byte is read for itself: once in the
file's byte order, which gives the upper bytes, and once in the other one, which gives the lower bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.data.images.fit import Fit
from bench.data.images.formats import check_kind, opened, other_byte_order, raw_mode
from bench.data.paths import shown
from bench.foundation.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

DEEPEST = 65535

Pixels = NDArray[np.uint8] | NDArray[np.float32]


def read_pixels(path: Path, fit: Fit | None = None) -> Pixels:
    """(1, H, W) or (3, H, W), uint8 or, of 16 bits per channel, float32 in [0,1].

    Raises ``DataError`` for damaged files, and for what is refused (see ``formats.py``).
    """
    from PIL import ImageOps

    with opened(path) as image:
        deep = check_kind(image, path)
        raw = raw_mode(image)
        upright = ImageOps.exif_transpose(image)
        upright.load()
    planes = _deep_planes(upright, path, raw) if deep else [plain(upright, path)]
    if fit is not None:
        planes = [fit(plane) for plane in planes]
    if deep:
        levels = np.stack([np.asarray(plane, np.float32) for plane in planes])
        return (levels / np.float32(DEEPEST)).clip(0, 1)
    return as_pixels(planes[0])


def as_pixels(image: Image) -> NDArray[np.uint8]:
    """(1, H, W) or (3, H, W) of an image in mode L or RGB."""
    array: NDArray[np.uint8] = np.asarray(image)
    return np.ascontiguousarray(array.reshape(*array.shape[:2], -1).transpose(2, 0, 1))


def _with_raw_mode(tile: Any, raw: str) -> Any:
    """What Pillow is to decode, with its pixels read in another way."""
    codec, extents, offset, arguments = tile
    parts = (codec, extents, offset, raw if isinstance(arguments, str) else (raw, *arguments[1:]))
    return tile._make(parts) if hasattr(tile, "_make") else parts  # a plain tuple before Pillow 11


def _deep_planes(upright: Image, path: Path, raw: str) -> list[Image]:
    """One floating-point image per channel, with the levels 0 to 65535. upright: as Pillow decodes it; raw: its raw mode."""
    from PIL import Image, ImageOps

    if upright.mode != "RGB":
        return [Image.fromarray(np.asarray(upright).astype(np.float32))]
    with opened(path) as again:
        again.tile = [_with_raw_mode(tile, other_byte_order(raw)) for tile in again.tile]
        low = np.asarray(ImageOps.exif_transpose(again))
    high = np.asarray(upright).astype(np.uint16)
    return [Image.fromarray((high[..., c] * 256 + low[..., c]).astype(np.float32)) for c in range(3)]


def plain(image: Image, path: Path) -> Image:
    """Mode L or RGB, where that loses nothing. Raises ``DataError`` for an image that is partly transparent."""
    may_be_transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if may_be_transparent and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise DataError(f"{shown(path)} is partly transparent.", "Save it without transparency, on a background you choose.")
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
