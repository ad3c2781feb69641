"""Writes the files that ``embedded.py`` reads: ``python -m bench.data.embedding`` (half a minute; needs the full set).

The same Pillow and libwebp write the same bytes; others may compress differently, but decode to the same pixels.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from bench.data.base import Samples
from bench.data.embedded import COLUMNS, COUNT, FOLDER, LABELS, PICTURE, SIDE
from bench.foundation.files import atomic_write_bytes, atomic_write_text, sha256_bytes


def write_embedded(samples: Samples, folder: Path) -> str:
    """Write the mosaic of the first 2,000 ``samples`` and their labels.

    Returns the hash that belongs into ``embedded.SHA256``.
    """
    from PIL import Image

    first = samples.take(COUNT)
    pixels, labels = first.pixels.numpy(), first.labels.numpy().astype(np.uint8)
    tiles = pixels.reshape(COUNT // COLUMNS, COLUMNS, 3, SIDE, SIDE).transpose(0, 3, 1, 4, 2)
    mosaic = np.ascontiguousarray(tiles).reshape(COUNT // COLUMNS * SIDE, COLUMNS * SIDE, 3)
    picture = io.BytesIO()
    # Measured: 3.36 MB in 30 s for each grid from 20 x 100 to 100 x 20, so the grid is chosen for looking at.
    Image.fromarray(mosaic).save(picture, "WEBP", lossless=True, exact=True, quality=100, method=6)
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(folder / PICTURE, picture.getvalue())
    described = {"set": "CIFAR-10, test, ids 0 to 1999", "labels": labels.tolist()}
    atomic_write_text(folder / LABELS, json.dumps(described, separators=(",", ":")) + "\n")
    return sha256_bytes(pixels.tobytes() + labels.tobytes())


if __name__ == "__main__":
    import click

    from bench.data.cifar import CIFAR10

    click.echo(write_embedded(CIFAR10().load("test"), FOLDER))
