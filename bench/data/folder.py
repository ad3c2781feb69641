"""A user's own images: one folder per class, named ``folder:PATH`` or ``folder:PATH,size=32`` (or ``size=HEIGHTxWIDTH``).

A folder with a ``scores.csv`` holds rated images instead, see ``scored_folder.py``.

Labels are the class folders in sorted order, or in the order of the lines of ``PATH/classes.txt``. Samples take
turns between the classes (first file of each class, second of each, ...), so that the first N are balanced;
files are sorted by name, and those that are no images by their ending are left out.

Images are used as they are: all of one size, unless ``size`` is given, which resizes with Pillow's antialiased
bilinear filter and does not keep the aspect ratio. Grey images stay one channel if all are grey, and become RGB
otherwise. What would need a guess is refused: transparency, 16 bits per channel, CMYK, animations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.base import Samples, check_split
from bench.data.scored_folder import has_scores, read_scored_folder
from bench.foundation.errors import DataError, TooFewError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"))
CLASS_FILE = "classes.txt"

_SIZED = re.compile(r"(?P<path>.+),size=(?P<height>[1-9]\d{0,4})(?:x(?P<width>[1-9]\d{0,4}))?")


def read_folder(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` images of ``PATH[,size=...]``, uint8. Raises ``DataError``.

    split: only ``test``; point at another folder for other splits.
    """
    import numpy as np
    import torch

    if has_scores(spec):
        check_split(split, ("test",), f"folder:{spec}")
        return read_scored_folder(spec, n=n)
    sized = _SIZED.fullmatch(spec)
    top = Path(sized["path"] if sized else spec).expanduser()
    size = (int(sized["height"]), int(sized["width"] or sized["height"])) if sized else None
    check_split(split, ("test",), f"folder:{top}")
    try:
        names, files = list_images(top)
    except OSError as error:
        raise DataError(f"{top} cannot be listed ({error.strerror}).", "Give yourself the right to read it.") from error
    if n is not None and not 1 <= n <= len(files):
        raise TooFewError(f"{n:,} samples were asked for, but {top} has {len(files):,}.", f"Ask for at most {len(files)}.")
    images = [open_image(path, size) for path, _ in files[:n]]
    mode = "L" if all(image.mode == "L" for image in images) else "RGB"
    for image, (path, _) in zip(images, files, strict=False):
        if image.size != images[0].size:
            width, height = images[0].size
            raise DataError(
                f"{path} is {image.height} x {image.width}, but {files[0][0]} is {height} x {width}.",
                f"Give one size for all: folder:{top},size={height}x{width}.",
            )
    arrays = [np.asarray(image.convert(mode)).reshape(image.height, image.width, -1) for image in images]
    pixels = torch.from_numpy(np.stack(arrays).transpose(0, 3, 1, 2).copy())
    labels = torch.tensor([label for _, label in files[:n]])
    return Samples(pixels, labels, torch.arange(len(labels)), f"folder:{top.name}", split, names)


def list_images(top: Path) -> tuple[tuple[str, ...], list[tuple[Path, int]]]:
    """Class names in label order, and (file, label) in sample order. Raises ``DataError``."""
    if not top.is_dir():
        raise DataError(f"{top} is not a folder.", "Name a folder that holds one folder of images per class.")
    found = sorted(path.name for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise DataError(f"{top} holds no class folders.", "Put the images of each class into a folder of its own.")
    names = _class_names(top, found)
    per_class = [_images(top / name) if name in found else [] for name in names]
    if not any(per_class):
        raise DataError(f"{top} holds no images.", f"Use one of these formats: {', '.join(sorted(ENDINGS))}.")
    turns = zip_longest(*([(path, label) for path in paths] for label, paths in enumerate(per_class)))
    return names, [one for turn in turns for one in turn if one is not None]


def _class_names(top: Path, found: Sequence[str]) -> tuple[str, ...]:
    listing = top / CLASS_FILE
    if not listing.is_file():
        return tuple(found)
    try:
        names = tuple(line.strip() for line in listing.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{listing} cannot be read.", "Make it a UTF-8 text with one class folder per line.") from error
    if len(set(names)) < len(names):
        raise DataError(f"{listing} names a class twice.", "Name each class folder once, in label order.")
    if left := sorted(set(found) - set(names)):
        raise DataError(f"{listing} does not name the folder {left[0]!r}.", "Name every class folder, in label order.")
    return names


def _images(folder: Path) -> list[Path]:
    return sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith(".")),
        key=lambda path: path.name,
    )


def open_image(path: Path, size: tuple[int, int] | None) -> Image:
    """The image in mode L or RGB, turned upright as its EXIF data say. Raises ``DataError``."""
    import warnings

    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if getattr(opened, "n_frames", 1) > 1:
                    raise DataError(f"{path} has several frames.", "Save one frame as an image of its own.")
                image = ImageOps.exif_transpose(opened)
                image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{path} is too large ({error}).", "Save it in the size the model takes.") from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's readers raise on damaged files
        raise DataError(f"{path} cannot be read as an image.", "Remove it or save it again.") from error
    plain = _plain(image, path)
    return plain if size is None else plain.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _plain(image: Image, path: Path) -> Image:
    """Mode L or RGB, where that loses nothing."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            raise DataError(f"{path} is partly transparent.", "Save it without transparency, on a background you choose.")
        return image.convert("L" if image.mode in ("LA", "La") else "RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("RGB", "P"):
        return image.convert("RGB")
    kind = "more than 8 bits per channel" if image.mode.startswith(("I", "F")) else f"the colours of mode {image.mode}"
    raise DataError(f"{path} has {kind}.", "Save it as 8-bit grey or RGB.")
