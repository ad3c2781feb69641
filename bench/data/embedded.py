"""The first 2,000 test images of CIFAR-10 and of MNIST, which ship with the suite: lossless WebP mosaics and their labels.

Image ``i`` is tile ``i`` of a mosaic, row by row; ids and content are those of the full test set. Written
by ``embedding.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.base import Samples
from bench.data.cifar_info import CIFAR10_INFO
from bench.data.info import DatasetInfo
from bench.foundation.errors import DataError
from bench.foundation.files import sha256_bytes

FOLDER = Path(__file__).parent / "embedded"
COUNT, COLUMNS = 2_000, 50
SHIPPED = {"cifar10": COUNT, "mnist": COUNT}
"""How many of the first test samples of a set ship, and so lie in every copy of the suite, where others can be had."""


@dataclass(frozen=True)
class Mosaic:
    """The first images of a set's test split in two files.

    stem: of their names. title: of the set, as the file of labels states it. sha256: of the decoded pixels ``(N, C, H, W)``
    followed by the labels, one byte each.
    """

    stem: str
    title: str
    sha256: str

    @property
    def picture(self) -> str:
        """Name of the file of images."""
        return f"{self.stem}_test_{COUNT}.webp"

    @property
    def labels(self) -> str:
        """Name of the file of labels."""
        return f"{self.stem}_test_{COUNT}.json"

    def samples(self, info: DatasetInfo, folder: Path = FOLDER) -> Samples:
        """All 2,000, as ``test`` of the set of ``info``. Raises ``DataError`` if a file is missing or damaged."""
        from PIL import Image

        try:
            with Image.open(folder / self.picture) as picture:
                mosaic = np.asarray(picture.convert("RGB"))
            described: Any = json.loads((folder / self.labels).read_text())
            pixels = tiles_of(mosaic, info.shape)
            labels = np.array(described["labels"], np.uint8)
            sha256 = sha256_bytes(pixels.tobytes() + labels.tobytes())
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise _damaged(f"the images in {folder} cannot be read ({error})", info) from error
        if sha256 != self.sha256:
            raise _damaged(f"the images in {folder} are not the ones that ship", info)
        ids = torch.arange(COUNT)
        return Samples(torch.from_numpy(pixels), torch.from_numpy(labels).long(), ids, info.name, "test", info.classes)


def tiles_of(mosaic: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Images ``(N, C, H, W)`` of ``shape`` ``(C, H, W)`` in a mosaic ``(h, w, 3)``; of a grey one, one channel."""
    channels, height, width = shape
    tiles = mosaic.reshape(COUNT // COLUMNS, height, COLUMNS, width, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(tiles.reshape(COUNT, 3, height, width)[:, :channels])


CIFAR10 = Mosaic("cifar10", "CIFAR-10", "742a693d1d106abb346e692f020eb324ce0f60080177ff3a86b7e10da53b630b")
MNIST = Mosaic("mnist", "MNIST", "df444787d999dd3af3cacedb8feeb744f04b8b3303b18a61cff27a0ffc9b5b4c")


def embedded_samples(folder: Path = FOLDER) -> Samples:
    """Those of CIFAR-10; see :meth:`Mosaic.samples`."""
    return CIFAR10.samples(CIFAR10_INFO, folder)


def _damaged(what: str, info: DatasetInfo) -> DataError:
    return DataError(f"{what[0].upper()}{what[1:]}.", f"Install the suite again, or run `bench data get {info.name}`.")
