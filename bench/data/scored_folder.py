"""A user's own rated images: ``folder:PATH`` (or ``folder:PATH,crop=96``) where ``PATH/scores.csv`` says how good they are.

The table has a header with the columns ``image`` (path below PATH) and ``score`` (any scale, higher is better), and may have
``reference``: images with the same one are not independent, and intervals resample them together. Every image below PATH
must be in it. Images are used as they are, all of one size, or their central ``crop`` x ``crop`` pixels; they are never
resized, which would alter their quality. Grey images become RGB; what would need a guess is refused as in ``folder.py``.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.base import Samples
from bench.foundation.errors import DataError, TooFewError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE = "scores.csv"
_CROPPED = re.compile(r"(?P<path>.+),crop=(?P<side>[1-9]\d{0,3})")


@dataclass(frozen=True)
class Rated:
    """One line of the table."""

    image: Path
    score: float
    reference: str


def split_spec(spec: str) -> tuple[Path, int | None]:
    """``PATH[,crop=SIDE]`` as a path and a side."""
    cropped = _CROPPED.fullmatch(spec)
    return Path(cropped["path"] if cropped else spec).expanduser(), int(cropped["side"]) if cropped else None


def has_scores(spec: str) -> bool:
    """Whether ``PATH[,...]`` names a folder with a table of scores."""
    return (split_spec(spec)[0] / TABLE).is_file()


def read_scored_folder(spec: str, *, n: int | None = None) -> Samples:
    """The first ``n`` images in the order of the table, RGB uint8, with their scores and references.

    Raises ``DataError`` for a table that does not match the images, and for images of several sizes.
    """
    import numpy as np
    import torch

    top, side = split_spec(spec)
    rated = read_table(top)
    if n is not None and not 1 <= n <= len(rated):
        raise TooFewError(f"{n:,} samples were asked for, but {top} has {len(rated):,}.", f"Ask for at most {len(rated)}.")
    pixels = [_pixels(one.image, side, top) for one in rated[:n]]
    for one, found in zip(rated, pixels, strict=False):
        if found.shape != pixels[0].shape:
            first, here = (" x ".join(map(str, array.shape[1:])) for array in (pixels[0], found))
            raise DataError(
                f"{one.image} is {here}, but {rated[0].image} is {first}.",
                f"Give a crop that fits all: folder:{top},crop=96.",
            )
    numbers = {name: number for number, name in enumerate(dict.fromkeys(one.reference for one in rated))}
    return Samples(
        torch.from_numpy(np.stack(pixels)),
        torch.tensor([one.score for one in rated[:n]], dtype=torch.float32),
        torch.arange(len(pixels)),
        f"folder:{top.name}",
        "test",
        groups=torch.tensor([numbers[one.reference] for one in rated[:n]]),
    )


def read_table(top: Path) -> list[Rated]:
    """The table of a folder, checked against its images. Raises ``DataError``."""
    from bench.data.folder import ENDINGS

    table = top / TABLE
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
        there = {path for path in top.rglob("*") if path.suffix.lower() in ENDINGS and not path.name.startswith(".")}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read.", "Make it a UTF-8 text: image,score[,reference].") from error
    reader = csv.DictReader(lines, skipinitialspace=True)
    if missing := [name for name in ("image", "score") if name not in (reader.fieldnames or ())]:
        raise DataError(f"{table} has no column {missing[0]!r}.", "Give it the header image,score[,reference].")
    found: dict[Path, Rated] = {}
    for row in reader:
        one = _rated(row, top, table)
        if one.image in found:
            raise DataError(f"{table} names {row['image']} twice.", "Name each image once.")
        if one.image not in there:
            raise DataError(f"{table} names {row['image']}, which is not there.", "Correct the name or add the image.")
        found[one.image] = one
    if left := sorted(there - set(found)):
        raise DataError(f"{top} holds {len(left):,} images without a score, {left[0].name} first.", f"Add them to {TABLE}.")
    if not found:
        raise DataError(f"{table} rates no image.", "Give it a line per image.")
    if len(found) > 1 and len({one.score for one in found.values()}) == 1:
        raise DataError(f"All scores in {table} are the same.", "Give scores that tell good images from bad ones.")
    return list(found.values())


def _rated(row: dict[str, str | None], top: Path, table: Path) -> Rated:
    name, score = row["image"] or "", row["score"]
    try:
        value = float(score or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{table} gives {name or 'a line'} the score {score!r}, which is no number.", "Correct the line.")
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{table} names {name!r}, which is not below {top}.", "Give paths relative to the table.")
    return Rated(top / name, value, row.get("reference") or name)


def _pixels(path: Path, side: int | None, top: Path) -> NDArray[np.uint8]:
    import numpy as np

    from bench.data.folder import open_image
    from bench.data.rated.base import read_crop

    if side is not None:
        return read_crop(path, side, f"folder:{top}")
    return np.ascontiguousarray(np.asarray(open_image(path, None).convert("RGB")).transpose(2, 0, 1))
