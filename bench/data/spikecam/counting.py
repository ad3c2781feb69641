"""Spikes of each pixel over many planes, counted without unpacking every plane.

Planes are bits side by side, so that a bitwise operation on two planes is a logical gate for all of their pixels. A full
adder of three planes gives their sum and their carry in five such operations; carries are planes of twice the weight and
are added likewise. Only one plane for each binary digit of the counts is unpacked in the end: of 63 planes, 6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.spikecam.packed import Packed

Counts = NDArray[np.int64]

AT_ONCE = 1023
"""Planes that are added up at a time, so that memory is bounded."""


def count_spikes(packed: Packed) -> Counts:
    """Set bits at each place, (bits,), over planes (T, bytes) of ``bits / 8`` bytes."""
    counts = np.zeros(8 * packed.shape[1], np.int64)
    for start in range(0, len(packed), AT_ONCE):
        planes, weight = packed[start : start + AT_ONCE], 1
        while len(planes):
            ones, planes = _added(planes)
            counts += np.unpackbits(ones, bitorder="little").astype(np.int64) * weight
            weight *= 2
    return counts


def _added(planes: Packed) -> tuple[Packed, Packed]:
    """The lowest binary digit of the sum of planes (n, bytes), (bytes,), and planes of twice the weight for the rest."""
    carries = [planes[:0]]
    while len(planes) > 1:
        third = max(1, len(planes) // 3)
        first, second = planes[:third], planes[third : 2 * third]
        rest = planes[3 * third :]
        if len(planes) == 2:
            carries.append(first & second)
            planes = first ^ second
            continue
        last = planes[2 * third : 3 * third]
        either = first ^ second
        carries.append((first & second) | (last & either))
        planes = np.concatenate((either ^ last, rest)) if len(rest) else either ^ last
    return planes[0], np.concatenate(carries)
