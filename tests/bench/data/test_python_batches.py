from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest
from support.old_pickles import pickle_of_python2

from bench.data.python_batches import read_batch

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)
LABELS = [3, 1, 4, 1]


@pytest.mark.parametrize(
    "write", [pickle_of_python2, lambda value: pickle.dumps(value, protocol=4)], ids=["python 2", "python 3"]
)
def test_batches_are_read(write: Any) -> None:
    pixels, labels = read_batch(write({b"data": PIXELS, b"labels": LABELS}), b"labels")
    np.testing.assert_array_equal(pixels, PIXELS)
    assert labels.tolist() == LABELS


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize(
    "call",
    [
        Calls(os.system, "true"),
        Calls(eval, "1"),
        Calls(getattr, os, "system"),
        Calls(np.load, "x"),
        Calls(np.ones, 3),
        Calls(__import__, "os"),
    ],
    ids=["system", "eval", "getattr", "numpy.load", "numpy.ones", "import"],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_else_is_ever_called(call: Calls, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if call.reduced[0] is getattr:
        call = Calls(getattr, "text", "upper")
    content = pickle.dumps({b"data": call, b"labels": LABELS}, protocol=protocol)
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("called"))
    with pytest.raises(ValueError, match="refused: it asks for"):
        read_batch(content, b"labels")


@pytest.mark.parametrize(
    "batch",
    [
        {b"data": PIXELS.astype(np.float32), b"labels": LABELS},
        {b"data": np.array([[object()]], dtype=object), b"labels": [0]},
        {b"data": np.asfortranarray(PIXELS), b"labels": LABELS},
        {b"data": PIXELS, b"labels": LABELS[:-1]},
        {b"data": PIXELS, b"labels": [300, 0, 0, 0]},
        {b"data": PIXELS, b"labels": [LABELS] * 4},
        {b"data": PIXELS, b"labels": dict.fromkeys(LABELS)},
        {b"data": PIXELS[0], b"labels": LABELS},
        {b"data": [1, 2], b"labels": LABELS},
        {b"labels": LABELS},
        [1, 2],
    ],
    ids=["floats", "objects", "fortran", "lengths", "range", "lists", "keys", "axes", "list", "no data", "no dictionary"],
)
def test_what_is_no_batch_is_refused(batch: Any) -> None:
    with pytest.raises(ValueError):
        read_batch(pickle.dumps(batch, protocol=4), b"labels")


@pytest.mark.parametrize("cut", [0, 1, 50, 5000])
def test_a_cut_pickle_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="refused"):
        read_batch(pickle.dumps({b"data": PIXELS, b"labels": LABELS}, protocol=4)[:cut], b"labels")


def test_the_reader_cannot_be_altered() -> None:
    # GLOBAL name, then BUILD with (None, {attribute: value}), which sets attributes where there is no __setstate__.
    state = pickle.NONE + pickle.MARK + pickle.SHORT_BINUNICODE + b"\x08__init__" + pickle.NONE + pickle.DICT + pickle.TUPLE2
    for name in (b"numpy\ndtype\n", b"numpy\nndarray\n", b"numpy.core.multiarray\n_reconstruct\n"):
        with pytest.raises(ValueError, match="refused"):
            read_batch(pickle.PROTO + b"\x02" + pickle.GLOBAL + name + state + pickle.BUILD + pickle.STOP, b"labels")
    test_batches_are_read(pickle_of_python2)


@pytest.mark.parametrize("put", [b"r" + (2**31 - 1).to_bytes(4, "little"), b"p2147483647\n", b"pmany\n"])
def test_a_pickle_takes_no_more_memory_than_it_has_objects(put: bytes) -> None:
    """Room for two thousand million numbers would be 32 GiB."""
    with pytest.raises(ValueError, match="refused"):
        read_batch(pickle.PROTO + b"\x02" + pickle.NONE + put + pickle.STOP, b"labels")


def test_lists_within_lists_are_not_unfolded() -> None:
    """Forty lists, each of which holds the one before twice, are a million million numbers."""
    labels: list[Any] = [0]
    for _ in range(40):
        labels = [labels, labels]
    with pytest.raises(ValueError, match="no list of numbers"):
        read_batch(pickle.dumps({b"data": PIXELS, b"labels": labels}, protocol=4), b"labels")
