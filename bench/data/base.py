"""Samples in memory, the contract of a data set, and the rule that sets validation samples aside.

Splits: ``test`` as published; ``train`` and ``val`` are two disjoint parts of the published training
set, and every choice (checkpoint, hyper-parameter) is made on ``val``; ``train_full`` is both. Sample
ids are positions in the published test or training set, so an id means the same image in each split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.info import DatasetInfo
from bench.foundation.errors import DataError, TooFewError

Array = Tensor | NDArray[Any]

HELD_OUT = 10
"""One in this many training samples of each class is set aside for validation."""


class UpTo(int):
    """A number of samples; where a set has fewer, all of it is meant."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Images with labels, stored as they are on disk and converted when they are asked for."""

    pixels: Tensor
    """uint8, or float32 in [0,1], (N, C, H, W); event frames (N, T, C, H, W)."""
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

    @classmethod
    def of(cls, images: Array, labels: Array, *, name: str = "own", split: str = "test", scores: bool = False) -> Samples:
        """A user's own tensors or numpy arrays. images: uint8, or floating point in [0,1]; labels: whole numbers (N,).

        scores: labels are finite scores (N,) instead, higher meaning better.
        Raises ``DataError`` if they do not fit together.
        """
        pixels, labels = _tensor(images), _tensor(labels)
        if pixels.ndim < 2 or labels.ndim != 1 or len(pixels) != len(labels) or len(labels) == 0:
            raise DataError(
                f"Images of shape {tuple(pixels.shape)} and labels of shape {tuple(labels.shape)} do not fit together.",
                "Give images (N, C, H, W) and one label for each, (N,).",
            )
        if scores and not bool(labels.isfinite().all()):
            raise DataError("Scores are not all finite.", "Leave out images that have none.")
        if not scores and (labels.dtype.is_floating_point or labels.dtype == torch.bool or int(labels.min()) < 0):
            raise DataError("Labels must be whole numbers from 0.", "Give class indices, for example labels.long().")
        if pixels.dtype != torch.uint8:
            if not pixels.dtype.is_floating_point:
                raise DataError(f"Images of type {pixels.dtype} have no known range.", "Give uint8, or float in [0,1].")
            pixels = pixels.float()
            if not bool(((pixels >= 0) & (pixels <= 1)).all()):
                raise DataError("Images leave [0,1].", "Give them unnormalised; normalisation belongs into the model.")
        return cls(pixels, labels.float() if scores else labels.long(), torch.arange(len(labels)), name, split)

    @property
    def images(self) -> Tensor:
        """float32 in [0,1], shape of ``pixels``; converted at every call, so slice first."""
        return self.pixels.float() / 255 if self.pixels.dtype == torch.uint8 else self.pixels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | Tensor) -> Samples:
        """The samples of a slice, an index tensor or a mask."""
        columns = ("pixels", "labels", "ids", "groups", "kinds", "levels")
        there = {name: tensor for name in columns if (tensor := getattr(self, name)) is not None}
        return replace(self, **{name: tensor[rows] for name, tensor in there.items()})

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
        """Hash of pixels, labels, ids and their shapes; name and split are not in it."""
        found = hashlib.sha256()
        for tensor in (self.pixels, self.labels, self.ids):
            found.update(json.dumps([str(tensor.dtype), list(tensor.shape)]).encode())
            found.update(tensor.contiguous().numpy().data.cast("B"))
        return found.hexdigest()


def _tensor(values: Array) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    try:
        return torch.from_numpy(np.array(values, order="C"))
    except (TypeError, ValueError) as error:
        raise DataError(f"A {type(values).__name__} does not hold samples.", "Give tensors or arrays of numbers.") from error


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


def check_split(split: str, known: Sequence[str], name: str) -> None:
    """Raise ``DataError`` if ``split`` is none of ``known``."""
    if split not in known:
        raise DataError(f"{name} has no split {split!r}.", f"Use one of: {', '.join(known)}.")
