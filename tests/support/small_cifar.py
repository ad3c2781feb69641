"""CIFAR-10 in miniature: as many files as the published set has, of few images each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.data.cifar import CIFAR10
from bench.data.cifar_layouts import write_records
from bench.data.info import StoredFile
from bench.data.verified import md5_bytes


def batches(per_batch: int) -> dict[str, bytes]:
    """The files by name, ``per_batch`` random images in each, classes taking turns."""
    rng = np.random.default_rng(0)
    labels = np.arange(per_batch, dtype=np.uint8) % 10
    return {
        file.name: write_records(rng.integers(0, 256, (per_batch, 3072), dtype=np.uint8), rng.permutation(labels))
        for file in CIFAR10().files
    }


def small_cifar(per_batch: int) -> CIFAR10:
    """The set that consists of :func:`batches`; it has no routes, and nothing of it ships."""
    contents, full = batches(per_batch), CIFAR10()
    train = 5 * per_batch
    return CIFAR10(
        info=replace(
            full.info, splits={"train": train * 9 // 10, "val": train // 10, "train_full": train, "test": per_batch}
        ),
        files=tuple(StoredFile(f.name, f.part, len(contents[f.name]), md5_bytes(contents[f.name])) for f in full.files),
        routes=(),
        shipped=0,
    )
