"""Samples, the contract of a data set, and the rule that sets validation samples aside.

Splits: ``test`` as published; ``train`` and ``val`` are two disjoint parts of the published training
set, and every choice (checkpoint, hyper-parameter) is made on ``val``; ``train_full`` is both. Sample
ids are positions in the published test or training set, so an id means the same image in each split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from bench.data.info import DatasetInfo
from bench.data.own_arrays import Array, class_labels, image_pixels, score_labels
from bench.data.rows import Rows
from bench.foundation.errors import DataError, TooFewError

HELD_OUT = 10
"""One in this many training samples of each class is set aside for validation."""

BLOCK = 32 * 2**20
"""Bytes of pixels that are read at a time while a hash is taken."""

__all__ = ["HELD_OUT", "Array", "Dataset", "Samples", "UpTo", "check_split", "held_out", "own_samples"]


class UpTo(int):
    """A number of samples; where a set has fewer, all of it is meant."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Images with labels: pixels in memory, or on disk until they are asked for; converted when they are asked for.

    ``samples[start:stop].images`` reads that range only. Labels, ids and the other columns are always in memory.
    """

    source: Tensor | Rows
    """uint8, bool, or float32 in [0,1], (N, C, H, W); event frames (N, T, C, H, W)."""
    labels: Tensor
    """int64 (N,) classes; for quality sets float32 (N,) scores, higher is better."""
    ids: Tensor
    """int64 (N,): position in the published set, the same whatever slice is taken."""
    name: str
    split: str
    class_names: tuple[str, ...] = ()
    groups: Tensor | None = None
    """int64 (N,): what was sampled independently (the reference photograph); None if every sample was."""
    kinds: Tensor | None = None
    """int64 (N,): position of the distortion in ``kind_names``; None where there is none."""
    levels: Tensor | None = None
    """int64 (N,): strength of the distortion, from 1."""
    kind_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What whoever brought the data should know, a sentence each: what was left out of a folder, for example."""

    @classmethod
    def of(cls, images: Array, labels: Array, *, name: str = "own", split: str = "test", scores: bool = False) -> Samples:
        """A user's own tensors, arrays or lists; what is read and what is refused says ``own_arrays.py``.

        images: uint8, or floating point in [0,1], (N, ...). labels: class indices (N,), or one-hot (N, K).
        scores: labels are finite scores (N,) instead, higher meaning better.
        Raises ``DataError`` if they do not fit together.
        """
        pixels = image_pixels(images)
        numbers = score_labels(labels) if scores else class_labels(labels)
        if len(pixels) != len(numbers) or len(numbers) == 0:
            raise DataError(
                f"{len(pixels):,} images and {len(numbers):,} labels do not fit together.",
                "Give images (N, C, H, W) and one label for each, (N,).",
            )
        return cls(pixels, numbers, torch.arange(len(numbers)), name, split)

    @property
    def pixels(self) -> Tensor:
        """uint8, bool, or float32 in [0,1]; read from disk at every call where they lie there, so slice first.

        Raises ``DataError`` for what cannot be read.
        """
        return self.source if isinstance(self.source, Tensor) else self.source.read()

    @property
    def images(self) -> Tensor:
        """float32 in [0,1], shape of ``pixels``; converted at every call, so slice first."""
        pixels = self.pixels
        return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of ``pixels``; nothing is read for it."""
        return tuple(self.source.shape)

    @property
    def nbytes_per_row(self) -> int:
        """Bytes of one row of ``pixels``; one of ``images`` has four for each value."""
        return prod(self.shape[1:]) * self.source.dtype.itemsize

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | Tensor) -> Samples:
        """The samples of a slice, an index tensor or a mask; nothing is read from disk."""
        columns = ("labels", "ids", "groups", "kinds", "levels")
        there = {name: tensor for name in columns if (tensor := getattr(self, name)) is not None}
        return replace(self, source=self.source[rows], **{name: tensor[rows] for name, tensor in there.items()})

    def blocks(self) -> Iterator[Samples]:
        """All samples in order, in slices of at most :data:`BLOCK` bytes of pixels, and at least one row."""
        rows = max(1, BLOCK // max(1, self.nbytes_per_row))
        for start in range(0, len(self), rows):
            yield self[start : start + rows]

    def take(self, n: int) -> Samples:
        """The first ``n``. Raises ``DataError`` unless 1 <= n <= len(self)."""
        if n < 1:
            raise DataError(f"{n} samples cannot be evaluated.", "Ask for at least 1.")
        if n > len(self):
            raise TooFewError(
                f"{n:,} samples were asked for, but {self.name} ({self.split}) has {len(self):,}.",
                f"Ask for at most {len(self)}.",
            )
        return self[:n]

    def sha256(self) -> str:
        """Hash of pixels, labels, ids and their shapes; name and split are not in it.

        Pixels on disk are read block by block. Raises ``DataError`` for what cannot be read.
        """
        return self._computed_sha256() if isinstance(self.source, Tensor) else self._sha256_on_disk

    @cached_property
    def _sha256_on_disk(self) -> str:
        """Kept, because reading is slow and a file that changes is refused; a tensor may have been changed in place."""
        return self._computed_sha256()

    def _computed_sha256(self) -> str:
        digest = hashlib.sha256(_description(self.source))
        for block in self.blocks():
            digest.update(_content(block.pixels))
        for tensor in (self.labels, self.ids):
            digest.update(_description(tensor))
            digest.update(_content(tensor))
        return digest.hexdigest()


def own_samples(data: Samples | tuple[Array, Array], *, scores: bool = False) -> Samples:
    """What a user hands over: samples, or a pair as for :meth:`Samples.of`. Raises ``DataError``."""
    if isinstance(data, Samples):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        size = f" of {len(data)}" if isinstance(data, tuple | list) else ""
        raise DataError(f"A {type(data).__name__}{size} is no data.", "Give a name, or a pair (images, labels).")
    return Samples.of(*data, scores=scores)


def _description(values: Tensor | Rows) -> bytes:
    return json.dumps([str(values.dtype), list(values.shape)]).encode()


def _content(tensor: Tensor) -> memoryview:
    return tensor.contiguous().numpy().data.cast("B")


class Dataset(Protocol):
    """What a catalogue entry or a plug-in offers, built without arguments."""

    @property
    def info(self) -> DatasetInfo: ...

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """The first ``n`` samples of a split (None: all).

        Raises ``DataError``; ``TooFewError`` if there are fewer.
        """
        ...


def held_out(labels: Tensor, classes: int) -> Tensor:
    """Mask of the validation samples, bool (N,): the last tenth of each class, in file order.

    A tenth is rounded down. The rule uses no random numbers, so that it is the same with every version
    of every library. labels: int64 (N,).
    """
    mask = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(classes):
        members = (labels == label).nonzero()[:, 0]
        mask[members[len(members) - len(members) // HELD_OUT :]] = True
    return mask


def check_number(n: int | None, count: int, name: str) -> None:
    """Raise ``TooFewError`` if ``n`` samples are asked of ``name``, which has ``count``; None asks for all."""
    if n is not None and not 1 <= n <= count:
        raise TooFewError(f"{n:,} samples were asked for, but {name} has {count:,}.", f"Ask for at most {count}.")


def check_split(split: str, known: Sequence[str], name: str) -> None:
    """Raise ``DataError`` if ``split`` is none of ``known``."""
    if split not in known:
        raise DataError(f"{name} has no split {split!r}.", f"Use one of: {', '.join(known)}.")
