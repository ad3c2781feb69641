"""Data sets: what there is, and the two functions that give samples. Nothing heavy is imported until one is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.base import Dataset, Samples
    from bench.foundation.registry import Registry

DATASETS = {
    "cifar10": "bench.data.cifar:CIFAR10",
    "cifar100": "bench.data.cifar:CIFAR100",
    "mnist": "bench.data.mnist:MNIST",
    "fashion-mnist": "bench.data.mnist:FashionMNIST",
    "photos": "bench.data.photos:Photos",
    "livec": "bench.data.rated.sets:LiveChallenge",
    "koniq10k": "bench.data.rated.sets:KonIQ",
    "kadid10k": "bench.data.rated.sets:KADID",
    "tid2013": "bench.data.rated.sets:TID",
}
"""Name to ``"module:attribute"``: a class or function that builds a :class:`~bench.data.base.Dataset`."""

FOLDER_PREFIX = "folder:"

__all__ = ["DATASETS", "load_data", "load_samples", "open_dataset"]


def load_data(
    name: str, *, split: str = "test", n: int | None = None, root: Path | str | None = None
) -> tuple[Tensor, Tensor]:
    """Images, float32 (N, C, H, W) in [0,1], and labels, int64 (N,); arguments as for :func:`load_samples`."""
    samples = load_samples(name, split=split, n=n, root=root)
    return samples.images, samples.labels


def load_samples(name: str, *, split: str = "test", n: int | None = None, root: Path | str | None = None) -> Samples:
    """The first ``n`` samples of a split, with their ids.

    name: one of :data:`DATASETS` (rated sets also as ``kadid10k,crop=96``), a plug-in, or ``folder:PATH`` for images
    of one's own (see ``folder.py``).
    split: ``test``, ``train``, ``val`` or ``train_full``. n: None for all. root: the data root, if not the usual one.
    Raises ``UnknownNameError``, and ``DataError`` if the set is
    missing, damaged, or smaller than ``n``.
    """
    if name.startswith(FOLDER_PREFIX):
        from bench.data.folder import read_folder

        return read_folder(name.removeprefix(FOLDER_PREFIX), split=split, n=n)
    return open_dataset(name).load(split, None if root is None else Path(root), n)


def open_dataset(name: str) -> Dataset:
    """The set of this name; ``NAME,crop=SIDE`` for a rated set in crops of another size.

    Raises ``UnknownNameError``, and ``DataError`` for a set that is not cropped.
    """
    base, comma, side = name.partition(",crop=")
    chosen = _registry().get(base)()
    return _cropped(chosen, name, side) if comma else chosen


def _cropped(chosen: Dataset, name: str, side: str) -> Dataset:
    from dataclasses import replace

    from bench.data.rated.base import RatedSet
    from bench.foundation.errors import DataError

    if not isinstance(chosen, RatedSet) or not side.isdecimal() or not 16 <= int(side) <= 4096:
        raise DataError(f"{name!r} is no data set.", "Only rated sets are cropped, to 16 or more pixels: kadid10k,crop=96.")
    return replace(chosen, crop=int(side))


def _registry() -> Registry[type[Dataset]]:
    from bench.foundation.registry import Registry

    return Registry("data set", DATASETS, "bench.datasets")
