"""A user's own rated images: ``folder:PATH`` (or ``folder:PATH,crop=96``) where ``PATH/scores.csv`` says how good they are.

The table has a header with the columns ``image`` (path below PATH) and ``score`` (any scale, higher is better), and may have
``reference``: images with the same one are not independent, and intervals resample them together; see ``table.py``. Every
image below PATH must be in it, except those that it names as references. Images are used as they are, all of one size, or
their central ``crop`` x ``crop`` pixels; they are never resized, which would alter their quality. Grey images become RGB;
what would need a guess is refused, see ``images/formats.py``.
"""

from __future__ import annotations

from pathlib import Path

from bench.data.base import Samples, check_number
from bench.data.folders.table import read_table
from bench.data.images.fit import Fit, Resize
from bench.data.images.rows import image_rows
from bench.data.paths import base_name, shown
from bench.foundation.errors import DataError


def read_scored_folder(top: Path, table: Path, fit: Fit | None, *, n: int | None = None) -> Samples:
    """The first ``n`` images in the order of the table, RGB, with their scores and references.

    Raises ``DataError`` for a table that does not match the images, and for images of several sizes.
    """
    import torch

    name = f"folder:{shown(top)}"
    if isinstance(fit, Resize):
        raise DataError("Rated images are not resized, which would alter their quality.", f"Use a crop: {name},crop=96.")
    rated = read_table(top, table)
    check_number(n, len(rated), shown(top))
    chosen = rated[:n]
    numbers = {reference: number for number, reference in enumerate(dict.fromkeys(line.reference for line in rated))}
    return Samples(
        image_rows([line.image for line in chosen], fit, name=name, option="crop", channels=3),
        torch.tensor([line.score for line in chosen], dtype=torch.float32),
        torch.arange(len(chosen)),
        f"folder:{base_name(top)}",
        "test",
        groups=torch.tensor([numbers[line.reference] for line in chosen]),
    )
