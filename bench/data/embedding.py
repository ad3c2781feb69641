"""Writes the files that ``embedded.py`` reads: ``python -m bench.data.embedding`` (half a minute; needs the full sets).

The same Pillow and libwebp write the same bytes; others may compress differently, but decode to the same pixels.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from bench.data import embedded
from bench.data.base import Samples
from bench.data.embedded import COLUMNS, COUNT, FOLDER, Mosaic
from bench.foundation.files import atomic_write_bytes, atomic_write_text, sha256_bytes


def write_embedded(mosaic: Mosaic, samples: Samples, folder: Path) -> str:
    """Write the mosaic of the first 2,000 ``samples`` and their labels.

    Returns the hash that belongs into ``mosaic``.
    """
    from PIL import Image

    first = samples.take(COUNT)
    pixels, labels = first.pixels.numpy(), first.labels.numpy().astype(np.uint8)
    colours = np.broadcast_to(pixels, (COUNT, 3, *pixels.shape[2:]))
    height, width = pixels.shape[2:]
    tiles = colours.reshape(COUNT // COLUMNS, COLUMNS, 3, height, width).transpose(0, 3, 1, 4, 2)
    whole = np.ascontiguousarray(tiles).reshape(COUNT // COLUMNS * height, COLUMNS * width, 3)
    picture = io.BytesIO()
    # Measured: 3.36 MB in 30 s for each grid from 20 x 100 to 100 x 20, so the grid is chosen for looking at.
    Image.fromarray(whole).save(picture, "WEBP", lossless=True, exact=True, quality=100, method=6)
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(folder / mosaic.picture, picture.getvalue())
    described = {"set": f"{mosaic.title}, test, ids 0 to {COUNT - 1}", "labels": labels.tolist()}
    atomic_write_text(folder / mosaic.labels, json.dumps(described, separators=(",", ":")) + "\n")
    return sha256_bytes(pixels.tobytes() + labels.tobytes())


if __name__ == "__main__":
    import click

    from bench.data import load_samples

    for chosen in (embedded.CIFAR10, embedded.MNIST):
        click.echo(f"{chosen.title}: {write_embedded(chosen, load_samples(chosen.stem), FOLDER)}")
