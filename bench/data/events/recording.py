"""Events of one recording, checked: in the sensor's bounds, in order of time, at least one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sensor:
    """Size of a camera in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height} x {self.width}"


@dataclass(frozen=True, eq=False)
class Events:
    """Columns of equal length, (N,) each."""

    t: Integers
    """Microseconds, not decreasing."""
    x: Integers
    y: Integers
    p: Integers
    """1 where it became brighter, 0 where it became darker."""

    def __len__(self) -> int:
        return len(self.t)

    def between(self, start: int, stop: int) -> Events:
        """Those with ``start <= t < stop``."""
        first, last = np.searchsorted(self.t, [start, stop])
        return Events(self.t[first:last], self.x[first:last], self.y[first:last], self.p[first:last])


def checked(t: NDArray[Any], x: NDArray[Any], y: NDArray[Any], p: NDArray[Any], sensor: Sensor) -> Events:
    """Events of ``sensor``. Raises ``ValueError``, a clause that goes on from a file's name, for what cannot be some."""
    if not len(t):
        raise ValueError("holds no events")
    columns = [column.astype(np.int64) for column in (t, x, y, p)]
    t, x, y, p = columns
    outside = np.flatnonzero((x < 0) | (x >= sensor.width) | (y < 0) | (y >= sensor.height))
    if len(outside):
        first = outside[0]
        raise ValueError(
            f"has an event at x={x[first]}, y={y[first]}, outside of {sensor} pixels: it is damaged, or of another camera"
        )
    if int(p.min()) < 0 or int(p.max()) > 1:
        raise ValueError("has polarities other than 0 and 1")
    back = np.flatnonzero(np.diff(t) < 0)
    if len(back):
        raise ValueError(f"goes back in time at event {back[0] + 1:,}, from {t[back[0]]} to {t[back[0] + 1]} microseconds")
    return Events(t, x, y, p)
