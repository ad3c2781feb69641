"""Writes what ``photos.py`` reads of the repository: ``python -m bench.data.photo_embedding FOLDER`` (some minutes).

FOLDER holds all photographs under the names of ``photo_sources.py``. First the ranks of the measures over the training
images, which define the scores; then the test images as one lossless WebP mosaic, with what they are beside it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.data.distortions.spaces import Image
from bench.data.photo_making import make
from bench.data.photo_plan import SIDE, plan, to_records
from bench.data.photo_sources import PHOTOS
from bench.data.photos import COLUMNS, FOLDER, PICTURE, TABLE
from bench.data.pseudo_mos import RANKS, Ranks, shipped_ranks
from bench.foundation.files import atomic_write_bytes, atomic_write_text, sha256_bytes


def write_ranks(crops: Callable[[int], Sequence[Image]], done: Callable[[int], None]) -> None:
    """Measure all training images and keep the quantiles."""
    measures = np.stack([measured for _, _, measured in make(plan("train"), crops, done)])
    atomic_write_text(RANKS, Ranks.of(measures).to_json())


def write_test(crops: Callable[[int], Sequence[Image]], done: Callable[[int], None]) -> str:
    """Write mosaic and table of the test images. Returns the hash that belongs into ``photos.SHA256``."""
    items = plan("test")
    made = [(pixels, measured) for _, pixels, measured in make(items, crops, done)]
    pixels = np.stack([each for each, _ in made])
    scores = np.round(shipped_ranks().pseudo_mos(np.stack([measured for _, measured in made])), 6)
    mosaic = pixels.reshape(-1, COLUMNS, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4).reshape(-1, COLUMNS * SIDE, 3)
    picture = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(mosaic)).save(picture, "WEBP", lossless=True, exact=True, quality=100, method=6)
    atomic_write_bytes(FOLDER / PICTURE, picture.getvalue())
    table = {
        "set": "photos, test; scores are pseudo mean opinion scores in [0,1]",
        "photos": {number: photo.name for number, photo in enumerate(PHOTOS) if photo.split == "test"},
        "columns": ["photo", "crop", "kind", "level", "score"],
        "rows": [
            [item.photo, item.crop, item.kind, item.level, float(f"{score:.6f}")]
            for item, score in zip(items, scores, strict=True)
        ],
    }
    atomic_write_text(FOLDER / TABLE, json.dumps(table, separators=(",", ":")) + "\n")
    return sha256_bytes(to_records(items, pixels, scores).tobytes())


if __name__ == "__main__":
    import sys

    import click

    from bench.data.photo_making import crops_of

    top = Path(sys.argv[1])

    @cache
    def _crops(photo: int) -> list[Image]:
        return crops_of(top / PHOTOS[photo].file, PHOTOS[photo].crops)

    with click.progressbar(length=len(plan("train")) + len(plan("test"))) as bar:
        write_ranks(_crops, lambda _: bar.update(1))
        found = write_test(_crops, lambda _: bar.update(1))
    click.echo(found)
