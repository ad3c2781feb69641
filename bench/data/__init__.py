"""Data sets: what there is, and the two functions that give samples. Nothing heavy is imported until one is used."""

from __future__ import annotations

import warnings
from importlib import import_module
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
    "nmnist_sim": "bench.data.nmnist_sim:SimulatedNMNIST",
    "photos": "bench.data.photos:Photos",
    "livec": "bench.data.rated.sets:LiveChallenge",
    "koniq10k": "bench.data.rated.sets:KonIQ",
    "kadid10k": "bench.data.rated.sets:KADID",
    "tid2013": "bench.data.rated.sets:TID",
}
"""Name to ``"module:attribute"``: a class or function that builds a :class:`~bench.data.base.Dataset`."""

BY_PATH = {
    "folder": "bench.data.folders.folder:read_folder",
    "events": "bench.data.events.own:read_own",
    "nmnist": "bench.data.events.sets:read_nmnist",
    "cifar10dvs": "bench.data.events.sets:read_cifar10_dvs",
    "dvsgesture": "bench.data.events.sets:read_dvs_gesture",
    "spikecam": "bench.data.spikecam.sets:read_spikecam",
    "scenes": "bench.data.spikecam.scenes:read_scenes",
}
"""What stands before ``:PATH`` to ``"module:attribute"``: a function of PATH, ``split`` and ``n`` that gives samples. What
``scenes`` takes is the name of a set of pictures."""

__all__ = ["BY_PATH", "DATASETS", "data_sets", "load_data", "load_samples", "open_dataset"]


def load_data(
    name: str, *, split: str = "test", n: int | None = None, root: Path | str | None = None
) -> tuple[Tensor, Tensor]:
    """Images, float32 (N, C, H, W) in [0,1], and labels, int64 (N,); arguments as for :func:`load_samples`."""
    samples = load_samples(name, split=split, n=n, root=root)
    return samples.images, samples.labels


def load_samples(name: str, *, split: str = "test", n: int | None = None, root: Path | str | None = None) -> Samples:
    """The first ``n`` samples of a split, with their ids.

    name: one of :data:`DATASETS` (rated sets also as ``kadid10k,crop=96``), a plug-in, ``folder:PATH`` for images of
    one's own (see ``folders/folder.py``), ``events:PATH`` for event recordings of one's own (see ``events/own.py``),
    ``nmnist:PATH``, ``cifar10dvs:PATH``, ``dvsgesture:PATH`` for those of published sets (see ``events/sets.py``),
    ``spikecam:PATH`` for those of a spike camera (see ``spikecam/sets.py``), or
    ``scenes:NAME,T=32`` for pictures that a camera sees over time (see ``spikecam/scenes.py``). What was left out of a
    folder is said in a warning.
    split: ``test``, ``train``, ``val`` or ``train_full``. n: None for all. root: the data root, if not the usual one.
    Raises ``UnknownNameError``, and ``DataError`` if the set is
    missing, damaged, or smaller than ``n``. Pixels of folders and rated sets are read when they are asked for, and
    damage within an image is an error then.
    """
    prefix, _, path = name.partition(":")
    if prefix in BY_PATH:
        from bench.foundation.errors import DataError, DataRemark

        if not path:
            raise DataError(f"{prefix} is read from your own copy.", f"Say where it is: {prefix}:PATH.")

        module, _, attribute = BY_PATH[prefix].partition(":")
        samples: Samples = getattr(import_module(module), attribute)(path, split=split, n=n)
        for remark in samples.remarks:
            warnings.warn(remark, DataRemark, stacklevel=2)
        return samples
    dataset = open_dataset(name)
    where = None if root is None else Path(root)
    if name.partition(",")[0] in DATASETS:
        return dataset.load(split, where, n)
    from bench.data.plugins import load_guarded

    return load_guarded(dataset, name, split, where, n)


def open_dataset(name: str) -> Dataset:
    """The set of this name; ``NAME,crop=SIDE`` for a rated set in crops of another size.

    Raises ``UnknownNameError``, and ``DataError`` for a set that is not cropped,
    or a plug-in that cannot be opened.
    """
    base, comma, side = name.partition(",crop=")
    factory = data_sets().get(base)
    if base in DATASETS:
        chosen = factory()
    else:
        from bench.data.plugins import build_guarded

        chosen = build_guarded(factory, base)
    return _cropped(chosen, name, side) if comma else chosen


def data_sets() -> Registry[type[Dataset]]:
    """All that have a name: :data:`DATASETS`, and plug-ins of the entry-point group ``bench.datasets``."""
    from bench.foundation.registry import Registry

    return Registry("data set", DATASETS, "bench.datasets")


def _cropped(chosen: Dataset, name: str, side: str) -> Dataset:
    from dataclasses import replace

    from bench.data.rated.base import RatedSet
    from bench.foundation.errors import DataError

    if not isinstance(chosen, RatedSet) or not side.isdecimal() or not 16 <= int(side) <= 4096:
        raise DataError(f"{name!r} is no data set.", "Only rated sets are cropped, to 16 or more pixels: kadid10k,crop=96.")
    return replace(chosen, crop=int(side))
