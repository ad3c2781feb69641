"""Which radii have a label on an axis of radii: labels that lie too close would overlap."""

from __future__ import annotations

from collections.abc import Iterable


def labelled_radii(radii: Iterable[float], share: float) -> list[float]:
    """Those of ``radii``, ascending, that have a label on an axis from 0, which has one too, to the largest of them.

    share: of the axis, which lies between two labels at least. The largest radius is always among them; of the others that
    are too close the larger ones are kept.
    """
    descending = sorted(radii, reverse=True)
    least = share * descending[0] if descending else 0.0
    kept: list[float] = []
    for radius in descending:
        if not kept or (radius >= least and kept[-1] - radius >= least):
            kept.append(radius)
    return kept[::-1]
