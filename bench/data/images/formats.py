"""Reads size, channels and depth of an image file from its header, and decodes nothing.

Read are PNG, JPEG, WebP, BMP, TIFF, PPM and PGM, by their content, whatever the ending says: grey and colour at 8 or 16
bits per channel, one bit, palettes. What would need a guess is refused: transparency (a fully opaque alpha channel is
none), CMYK and other colour models, floating point, depths in between, animations. Of a JPEG that holds several pictures
(MPO, from cameras and phones) the first one is the photograph. Colour profiles are not applied.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.paths import shown
from bench.foundation.errors import DataError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"))
"""What files are taken for images, in small letters."""
UNREAD = frozenset(
    """.gif .heic .heif .avif .jp2 .j2k .jxl .psd .tga .exr .hdr .eps .svg .npy .npz .dng .nef .cr2 .cr3 .arw""".split()  # noqa: SIM905
)
"""Endings of images that are not read; leaving them out without a word would change the set."""

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "DIB", "TIFF", "PPM")
"""Names of Pillow's readers."""
_ORIENTATION = 0x0112
_ALPHA_MODES = ("RGBA", "LA", "PA")
# TIFF tags: width, height, bits per sample, meaning of 0, arrangement of channels, number format.
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _PLANAR, _NUMBERS = 256, 257, 258, 262, 284, 339


@dataclass(frozen=True)
class Header:
    """What the header of a file says."""

    height: int
    width: int
    """Upright, as the EXIF orientation says."""
    channels: int
    """1 or 3."""
    deep: bool
    """16 bits per channel instead of 8."""


@contextmanager
def opened(path: Path, formats: Sequence[str] = FORMATS) -> Iterator[ImageFile]:
    """The file, opened by one of Pillow's readers of ``formats``.

    Raises ``DataError`` for whatever they raise in the block.
    """
    from PIL import Image

    try:
        if not path.is_file():  # opening a pipe would wait for ever
            dangling = path.is_symlink() and not path.exists()
            kind = "a link to nothing" if dangling else "no regular file" if path.exists() else "not there"
            raise DataError(f"{shown(path)} is {kind}.", "Remove it or put the image there.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()
            with Image.open(path, formats=[name for name in formats if name in Image.OPEN]) as image:
                yield image
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{shown(path)} is too large ({error}).", "Save it in the size the model takes.") from error
    except PermissionError as error:
        raise DataError(f"{shown(path)} may not be read.", "Give yourself the right to read it.") from error
    except Exception as error:  # damaged files make Pillow's readers raise nearly anything
        raise DataError(f"{shown(path)} cannot be read as an image.", "Remove it or save it again.") from error


def read_header(path: Path) -> Header:
    """Raises ``DataError`` for what is refused; damage further inside is seen when decoding."""
    from PIL import Image

    with opened(path) as image:
        deep = check_kind(image, path)
        grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        if image.format == "TIFF":  # some versions of Pillow turn the size of these when they open them, others do not
            tags: dict[int, int] = dict(getattr(image, "tag_v2", {}))
            size, orientation = (tags[_WIDTH], tags[_HEIGHT]), tags.get(_ORIENTATION)
        else:
            # Not PngImageFile.getexif, which decodes the whole image to look behind it.
            size, orientation = image.size, Image.Image.getexif(image).get(_ORIENTATION)
        width, height = size[::-1] if orientation in (5, 6, 7, 8) else size
        return Header(height, width, 1 if grey else 3, deep)


def check_kind(image: ImageFile, path: Path) -> bool:
    """Whether an opened image has 16 bits per channel. Raises ``DataError`` for what is refused."""
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{shown(path)} has several frames.", "Save one frame as an image of its own.")
    if image.format == "PPM" and image.mode != "F":
        _check_netpbm(image, path)
    if image.mode.startswith("I") or ";16" in raw_mode(image) or _tiff_bits(image) > 8:
        _check_deep(image, path)
        return True
    if image.mode not in (*_ALPHA_MODES, "1", "L", "RGB", "P"):
        kind = "floating-point values" if image.mode == "F" else f"the colours of mode {image.mode}"
        raise DataError(f"{shown(path)} has {kind}.", "Save it as grey or RGB of 8 or 16 bits per channel.")
    return False


def raw_mode(image: ImageFile) -> str:
    """How pixels lie in the file, in Pillow's words: ``RGB;16B``. "" where nothing is to be decoded."""
    if not image.tile:
        return ""
    arguments = image.tile[0][3]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def other_byte_order(raw: str) -> str:
    """The raw mode that takes the other byte of each 16-bit value."""
    native = "L" if sys.byteorder == "little" else "B"
    order = {"N": native}.get(raw[-1], raw[-1])
    return raw[:-1] + {"L": "B", "B": "L"}[order]


def _tiff_bits(image: ImageFile) -> int:
    """Bits per channel of a TIFF; what Pillow calls its mode does not always say so. 0 for other formats, and for floats."""
    if image.format != "TIFF" or image.mode == "F":
        return 0
    bits = getattr(image, "tag_v2", {}).get(_BITS, (1,))
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _check_netpbm(image: ImageFile, path: Path) -> None:
    arguments = image.tile[0][3] if image.tile else None
    levels = arguments[-1] if isinstance(arguments, tuple) else 255
    if image.mode.startswith("I") or (isinstance(levels, int) and levels != 255 and image.mode != "1"):
        raise DataError(f"{shown(path)} has other than 256 levels, which Pillow would round.", "Save it as PNG.")


def _check_deep(image: ImageFile, path: Path) -> None:
    """Raise unless the image is grey or RGB of 16 bits, which are then read as they are."""
    fix = "Save it as grey or RGB of 8 or 16 bits per channel."
    if image.mode not in ("RGB", "I;16", "I;16B", "I;16L") and (image.mode, raw_mode(image)) != ("I", "I;16B"):
        more = " and an alpha channel" if image.mode in _ALPHA_MODES else ""
        raise DataError(f"{shown(path)} has more than 8 bits per channel{more}, in mode {image.mode}.", fix)
    if "transparency" in image.info:
        raise DataError(f"{shown(path)} has 16 bits per channel and a transparent colour.", fix)
    if image.format != "TIFF":
        return
    tags: dict[int, object] = dict(getattr(image, "tag_v2", {}))
    grey = image.mode != "RGB"
    plain = (
        tags.get(_BITS) == ((16,) if grey else (16, 16, 16))
        and tags.get(_NUMBERS, (1,)) in ((1,), (1, 1, 1), 1)
        and tags.get(_PHOTOMETRIC) == (1 if grey else 2)
        and tags.get(_PLANAR, 1) == 1
    )
    if not plain:
        raise DataError(f"{shown(path)} keeps its values in a way that is not read at full depth.", fix)
