"""CIFAR's binary records, and the other forms of CIFAR turned into them.

A record is one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes of pixels: red, green and blue
planes, each 32 x 32 row by row. Rebuilding the published binary files bit by bit means that one checksum
verifies them, whatever form they came in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.layouts import Layout

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32

_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))


def read_records(content: bytes, label_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (N, 3, 32, 32) and labels (N, label_bytes) of binary records. Raises ``ValueError`` on a torn record."""
    records = np.frombuffer(content, np.uint8)
    if len(records) % (label_bytes + PIXELS):
        raise ValueError("the last record is torn")
    records = records.reshape(-1, label_bytes + PIXELS)
    return records[:, label_bytes:].reshape(-1, *SHAPE).copy(), records[:, :label_bytes].copy()


def write_records(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    """Binary records of pixels (N, 3, 32, 32) or (N, 3072) and labels (N,) or (N, label_bytes)."""
    count = len(pixels)
    return np.concatenate(
        [labels.reshape(count, labels.size // max(count, 1)), pixels.reshape(count, PIXELS)], axis=1
    ).tobytes()


def _as_stored(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    for name, path in paths.items():
        yield name, path.read_bytes()


def _from_pickles(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    from bench.data.python_batches import read_batch

    for name, path in paths.items():
        yield f"{name}.bin", write_records(*read_batch(path.read_bytes(), b"labels"))


def _from_pickles_100(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    from bench.data.python_batches import read_batch

    for name, path in paths.items():
        content = path.read_bytes()
        pixels, fine = read_batch(content, b"fine_labels")
        _, coarse = read_batch(content, b"coarse_labels")
        yield f"{name}.bin", write_records(pixels, np.stack([coarse, fine], axis=1))


def _from_pictures(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    """One PNG per batch, one row of 1,024 RGB pixels per image; labels in JSON, their file names misspelt."""
    train = _labels(paths["train_lables.json"])
    per_batch = len(train) // len(_BATCHES)
    for number, name in enumerate(_BATCHES):
        labels = train[number * per_batch : (number + 1) * per_batch]
        yield f"{name}.bin", write_records(_rows(paths[f"{name}.png"]), labels)
    yield "test_batch.bin", write_records(_rows(paths["test_batch.png"]), _labels(paths["test_lables.json"]))


def _labels(path: Path) -> NDArray[np.uint8]:
    labels: Any = json.loads(path.read_text())
    return np.array(labels, np.uint8)


def _rows(path: Path) -> NDArray[np.uint8]:
    """Planes (N, 3, 1024) of a picture with one image per row."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            rows = np.asarray(picture.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(rows.transpose(0, 2, 1))


BINARY = Layout("binary version", (*(f"{name}.bin" for name in _BATCHES), "test_batch.bin"), _as_stored)
PYTHON = Layout("python version", (*_BATCHES, "test_batch"), _from_pickles)
PICTURES = Layout(
    "batches as PNG",
    (*(f"{name}.png" for name in _BATCHES), "test_batch.png", "train_lables.json", "test_lables.json"),
    _from_pictures,
)
PYTHON_100 = Layout(
    "python version",
    ("train", "test"),
    _from_pickles_100,
    md5={"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
)
