"""CIFAR's "python version": pickles, read without letting them call anything.

A pickle is a program. This reader knows lists, dictionaries, numbers and bytes, and three names that such files
use to describe an array of bytes; those names stand for inert substitutes defined here. Whatever else a
pickle asks for is refused before it is looked up, so nothing is ever imported or called on its behalf.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class _Dtype:
    """Stands for ``numpy.dtype``: remembers what it was called with."""

    code: Any
    align: Any = False
    copy: Any = True

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like mean nothing for single bytes."""


class _Array:
    """Stands for an array: takes raw bytes, and makes an array of them only if all is as expected."""

    value: NDArray[np.uint8]

    def __init__(self, *_: Any) -> None:
        """Accept any arguments: a pickle first asks for an empty array, and describes it."""

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or dtype.code not in ("u1", b"u1") or fortran or not isinstance(data, bytes):
            raise pickle.UnpicklingError("an array is not one of bytes in C order")
        self.value = np.frombuffer(data, np.uint8).reshape(shape)


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "ndarray",  # only ever an argument
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
}
"""Every substitute has ``__setstate__`` or no attributes, so that a pickle cannot alter it either."""


class _Reader(pickle.Unpickler):
    """Resolves names to the substitutes, and to nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no image batch needs")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside of it")


def read_batch(content: bytes, labels_key: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (N, D) and labels (N,) of one pickled batch.

    labels_key: ``b"labels"``, or CIFAR-100's ``b"fine_labels"``. Raises ``ValueError`` for anything that is no such batch.
    """
    try:
        _check_memo(content)
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = batch[b"data"].value, _labels(batch[labels_key])
    except Exception as error:  # a malformed pickle can raise anything; none of it is the reader's own fault
        raise ValueError(f"refused: {error or type(error).__name__}") from error
    if pixels.ndim != 2 or labels.shape != (len(pixels),):
        raise ValueError(f"data of shape {pixels.shape} do not fit labels of shape {labels.shape}")
    return pixels, labels


def _check_memo(content: bytes) -> None:
    """Raise an error if the pickle numbers more objects than it has bytes: room for all numbers below would be taken."""
    for code, argument, _ in pickletools.genops(content):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise pickle.UnpicklingError(f"it numbers an object {argument}")


def _labels(value: Any) -> NDArray[np.uint8]:
    """One number per image. A list of lists is not unfolded: each could stand there a thousand times."""
    if not isinstance(value, list) or not all(type(label) is int for label in value):
        raise pickle.UnpicklingError("its labels are no list of numbers")
    return np.array(value, np.uint8)
