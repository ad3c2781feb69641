"""The first 2,000 CIFAR-10 test images, which ship with the suite: one lossless WebP mosaic and its labels.

Image ``i`` is tile ``i`` of the mosaic, row by row; ids and content are those of the full test set. Written
by ``embedding.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.base import Samples
from bench.data.cifar_info import CIFAR10_INFO
from bench.foundation.errors import DataError
from bench.foundation.files import sha256_bytes

FOLDER = Path(__file__).parent / "embedded"
PICTURE, LABELS = "cifar10_test_2000.webp", "cifar10_test_2000.json"
COUNT, COLUMNS, SIDE = 2_000, 50, 32
SHA256 = "742a693d1d106abb346e692f020eb324ce0f60080177ff3a86b7e10da53b630b"
"""Of the decoded pixels (N, 3, 32, 32) followed by the labels, one byte each."""


def embedded_samples(folder: Path = FOLDER) -> Samples:
    """All 2,000, as ``test`` of ``cifar10``. Raises ``DataError`` if a file is missing or damaged."""
    from PIL import Image

    try:
        with Image.open(folder / PICTURE) as picture:
            mosaic = np.asarray(picture.convert("RGB"))
        described: Any = json.loads((folder / LABELS).read_text())
        tiles = mosaic.reshape(COUNT // COLUMNS, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 4, 1, 3)
        pixels = np.ascontiguousarray(tiles).reshape(COUNT, 3, SIDE, SIDE)
        labels = np.array(described["labels"], np.uint8)
        sha256 = sha256_bytes(pixels.tobytes() + labels.tobytes())
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _damaged(f"the images in {folder} cannot be read ({error})") from error
    if sha256 != SHA256:
        raise _damaged(f"the images in {folder} are not the ones that ship")
    return Samples(
        torch.from_numpy(pixels),
        torch.from_numpy(labels).long(),
        torch.arange(COUNT),
        CIFAR10_INFO.name,
        "test",
        CIFAR10_INFO.classes,
    )


def _damaged(what: str) -> DataError:
    return DataError(f"{what[0].upper()}{what[1:]}.", "Install the suite again, or run `bench data get cifar10`.")
