"""Planes of bits and the bytes in which they lie in a ``.dat`` file; see ``geometry.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.spikecam.geometry import Geometry

Planes = NDArray[np.bool_]
"""(T, H, W), the first row at the top."""
Packed = NDArray[np.uint8]
"""(T, plane_bytes), as in the file."""


def pack(planes: NDArray[Any], geometry: Geometry) -> Packed:
    """Bytes of planes (T, H, W) of 0 and 1, or bool; idle columns are 0.

    Raises ``ValueError`` for planes of another size or other values.
    """
    if planes.ndim != 3 or planes.shape[1:] != (geometry.height, geometry.width):
        shape = " x ".join(map(str, planes.shape))
        raise ValueError(f"planes must be T x {geometry.height} x {geometry.width}, not {shape}")
    if planes.dtype != np.bool_ and not np.isin(planes, (0, 1)).all():
        raise ValueError("planes hold other values than 0 and 1")
    stored = np.zeros((len(planes), geometry.height, geometry.stored_width), np.bool_)
    stored[:, :, geometry.columns] = planes[:, ::-1] if geometry.bottom_up else planes
    return np.packbits(stored.reshape(len(planes), geometry.stored_bits), axis=1, bitorder="little")


def unpack(packed: Packed, geometry: Geometry) -> Planes:
    """Planes (T, H, W) of bytes (T, plane_bytes)."""
    bits = np.unpackbits(packed, axis=1, bitorder="little")
    planes: Planes = as_picture(bits, geometry).view(np.bool_)
    return planes


def as_picture(stored: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
    """Values (N, H, W) of pixels, for values (N, stored_bits) of any kind in the order of the file."""
    rows = stored.reshape(len(stored), geometry.height, geometry.stored_width)
    picture = rows if geometry.width == geometry.stored_width else rows[:, :, geometry.columns]
    return np.ascontiguousarray(picture[:, ::-1] if geometry.bottom_up else picture)
