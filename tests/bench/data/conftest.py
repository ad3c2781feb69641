"""Tiny fabricated sets, so that no test needs the network or the real files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import small_cifar

from bench.data.cifar import CIFAR10
from bench.data.info import StoredFile
from bench.data.mnist import MNIST, write_idx
from bench.data.verified import md5_bytes

PER_BATCH = 40


@pytest.fixture
def batches() -> dict[str, bytes]:
    """The files of CIFAR-10 in miniature: 40 images per batch."""
    return small_cifar.batches(PER_BATCH)


@pytest.fixture
def tiny() -> CIFAR10:
    """The set that consists of ``batches``."""
    return small_cifar.small_cifar(PER_BATCH)


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
