"""Events that a library has stored as numpy files: SpikingJelly's ``.npz`` (t, x, y, p) and Tonic's ``.npy`` of DVS Gesture.

Sizes are checked before memory is taken, and nothing is unpickled.
"""

from __future__ import annotations

import io
import zipfile
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bench.data.events.recording import Events, Sensor, checked

LARGEST = 1 << 29
"""Bytes of all columns together."""


def parse_npz(content: bytes, sensor: Sensor) -> Events:
    """Columns ``t`` (microseconds), ``x``, ``y``, ``p``. Raises ``ValueError``: a clause that goes on from a file's name."""
    columns = {name: _column(column) for name, column in _members(content).items()}
    if len({len(column) for column in columns.values()}) > 1 or any(column.ndim != 1 for column in columns.values()):
        raise ValueError("has columns of different lengths")
    return checked(columns["t"], columns["x"], columns["y"], columns["p"], sensor)


def parse_npy(content: bytes, sensor: Sensor) -> Events:
    """Rows (x, y, polarity, milliseconds), as Tonic's DVS Gesture has them. Raises ``ValueError`` as :func:`parse_npz`."""
    rows = _column(content)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ValueError("does not hold rows of x, y, polarity and milliseconds")
    return checked(np.rint(rows[:, 3] * 1000), rows[:, 0], rows[:, 1], rows[:, 2], sensor)


def _members(content: bytes) -> dict[str, bytes]:
    """The four columns, still as ``.npy``. Raises ``ValueError``."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.getinfo(f"{name}.npy") for name in "txyp"}
            small = sum(member.file_size for member in members.values()) <= LARGEST
            read = {name: archive.read(member) for name, member in members.items()} if small else {}
    except KeyError as error:
        raise ValueError("is no recording of SpikingJelly: it has not the columns t, x, y and p") from error
    except Exception as error:  # damage makes zipfile and zlib raise nearly anything
        raise ValueError("is no whole .npz file") from error
    if not small:
        raise ValueError(f"holds more than {LARGEST >> 20} MB of events")
    return read


def _column(content: bytes) -> NDArray[Any]:
    """The array of an ``.npy`` file, int64 or float64, of the shape that its size allows. Raises ``ValueError``."""
    file = io.BytesIO(content)
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # numpy evaluates the header as Python text, which may fail in any way
        raise ValueError("has a column that is no numpy array") from error
    data = content[file.tell() :]
    fits = all(side >= 0 for side in shape) and dtype.itemsize * prod(shape) == len(data)
    if dtype.hasobject or dtype.kind not in "iufb" or not fits:
        raise ValueError("has a column that does not hold the numbers it promises")
    values: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "f":
        values = values.astype(np.float64)
        if not bool((np.abs(values) < 1 << 50).all()):  # which NaN is not
            raise ValueError("has a column with numbers that are none of events")
        return values
    return values.astype(np.int64)
