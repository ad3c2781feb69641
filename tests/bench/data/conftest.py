"""Tiny fabricated sets, so that no test needs the network or the real files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data.cifar import CIFAR10
from bench.data.cifar_layouts import write_records
from bench.data.info import StoredFile
from bench.data.mnist import MNIST, write_idx
from bench.data.verified import md5_bytes

PER_BATCH = 40


@pytest.fixture
def batches() -> dict[str, bytes]:
    """CIFAR-10 in miniature: 40 images per batch, classes taking turns."""
    rng = np.random.default_rng(0)
    labels = np.arange(PER_BATCH, dtype=np.uint8) % 10
    return {
        file.name: write_records(rng.integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8), rng.permutation(labels))
        for file in CIFAR10().files
    }


@pytest.fixture
def tiny(batches: dict[str, bytes]) -> CIFAR10:
    """The set that consists of ``batches``; it has no routes, and nothing of it ships."""
    full = CIFAR10()
    return CIFAR10(
        info=replace(full.info, splits={"train": 180, "val": 20, "train_full": 200, "test": 40}),
        files=tuple(StoredFile(f.name, f.part, len(batches[f.name]), md5_bytes(batches[f.name])) for f in full.files),
        routes=(),
        shipped=0,
    )


@pytest.fixture
def digits() -> tuple[MNIST, dict[str, bytes]]:
    """MNIST in miniature and its files; nothing of it ships."""
    rng = np.random.default_rng(1)
    counts = {"train": 50, "test": 20}
    contents = {}
    for file in MNIST().files:
        n = counts[file.part]
        array = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) if "images" in file.name else np.arange(n) % 10
        contents[file.name] = write_idx(array.astype(np.uint8))
    files = tuple(StoredFile(f.name, f.part, len(contents[f.name]), md5_bytes(contents[f.name])) for f in MNIST().files)
    splits = {"train": 50, "val": 0, "train_full": 50, "test": 20}
    return MNIST(info=replace(MNIST().info, splits=splits), files=files, routes=(), shipped=0), contents


@pytest.fixture
def write_all() -> Callable[[Path, dict[str, bytes]], Path]:
    """Writes files into a folder, which is returned."""

    def write(folder: Path, contents: dict[str, bytes]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture
def silent() -> Callable[[str, int, int | None], None]:
    """A progress callback that keeps quiet."""
    return lambda what, done, total: None
