"""How the planes of a spike camera lie in a ``.dat`` file.

A file is planes back to back, without a header. A plane is rows of pixels, eight to a byte, the least significant bit
first. Two cameras are known, those of SpikeCV (Zheng et al., Science China Information Sciences 2026):

    first     250 x 400, 12,500 bytes a plane
    second    1000 x 1000 in rows of 1,024 bits, 128,000 bytes a plane; columns 500 to 511 and 1000 to 1011 hold no pixels

Rows lie from the bottom up. SpikeCV's reader drops these idle columns of the second camera, while its search for line
numbers implies 1012 to 1023 for the second half. No recording was to be had that would decide it: the geometry of the second
camera was checked against no real recording. So that both can be read, a configuration may name the idle columns and the
order of rows (see ``config.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LARGEST_SIDE = 8192
"""Rows or columns of a camera, in pixels."""

Columns = tuple[tuple[int, int], ...]
"""Ranges ``first, last + 1`` of columns as they lie in the file."""


@dataclass(frozen=True)
class Geometry:
    """Size of a camera in pixels, and what lies in its file besides them.

    Raises ``ValueError``, a clause that goes on from a file's name, for a geometry that cannot be.
    """

    height: int
    width: int
    stored_width: int
    """Bits of a row in the file."""
    idle: Columns = ()
    """Columns in the file that hold no pixels."""
    bottom_up: bool = True
    """Whether the first row in the file is the lowest of the picture."""

    def __post_init__(self) -> None:
        for name, side in (("spike_h", self.height), ("spike_w", self.width), ("the stored width", self.stored_width)):
            if not 1 <= side <= LARGEST_SIDE:
                raise ValueError(f"says that {name} is {side}, which is not from 1 to {LARGEST_SIDE:,}")
        if self.stored_bits % 8:
            raise ValueError(f"describes planes of {self.height} x {self.stored_width} bits, no whole number of bytes")
        if any(not 0 <= first < stop <= self.stored_width for first, stop in self.idle):
            raise ValueError(f"names idle columns outside of 0 to {self.stored_width}")
        if len(self.columns) != self.width:
            raise ValueError(
                f"has {len(self.columns)} columns with pixels in rows of {self.stored_width}, but spike_w is {self.width}"
            )

    @property
    def stored_bits(self) -> int:
        """Bits of a plane in the file."""
        return self.height * self.stored_width

    @property
    def plane_bytes(self) -> int:
        """Bytes of a plane in the file."""
        return self.stored_bits // 8

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Which columns of the file hold pixels, (width,), rising."""
        holds_pixels = np.ones(self.stored_width, np.bool_)
        for first, stop in self.idle:
            holds_pixels[first:stop] = False
        return np.flatnonzero(holds_pixels)


FIRST = Geometry(250, 400, 400)
SECOND = Geometry(1000, 1000, 1024, ((500, 512), (1000, 1012)))


def usual_idle(height: int, width: int) -> Columns:
    """Idle columns of the known camera of this size; none for any other size."""
    return SECOND.idle if (height, width) == (SECOND.height, SECOND.width) else ()


def geometry_of(height: int, width: int) -> Geometry:
    """The geometry of a camera of this size, with the columns that it usually has. Raises like :class:`Geometry`."""
    idle = usual_idle(height, width)
    return Geometry(height, width, width + sum(stop - first for first, stop in idle), idle)
