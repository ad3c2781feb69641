"""The axes of a picture of the site: from values to pixels of a drawing whose origin is at the left top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

QUARTERS = (0, 0.25, 0.5, 0.75, 1)
NEAR = 0.09
"""Labels of radii closer than this share of the axis would overlap."""


def rounded_up(value: float, least: float = 1.0) -> float:
    """The top of an axis for figures up to ``value``, at least ``least``.

    It rises in steps of 0.2, and of 0.4 above 1, so that quarters of it are multiples of 5 and of 10 percent.
    """
    fifths = max(math.ceil(5 * least - 1e-9), math.ceil(5 * value - 1e-9))
    return (fifths + fifths % 2 if fifths > 5 else fifths) / 5


def around(values: Sequence[float]) -> tuple[float, float]:
    """Both ends of an axis that shows ``values`` and need not begin at 0: multiples of 0.2 with room for every value."""
    bottom, top = math.floor(5 * min(values) + 1e-9), math.ceil(5 * max(values) - 1e-9)
    return bottom / 5, max(top, bottom + 1) / 5


@dataclass(frozen=True)
class Axes:
    """Values from ``x_bottom`` to ``x_top`` and from 0 to ``y_top`` within margins."""

    x_top: float
    y_top: float
    width: int
    height: int
    left: int = 40
    right_margin: int = 30
    top: int = 12
    bottom_margin: int = 44
    x_bottom: float = 0.0

    @property
    def right(self) -> int:
        """Where the largest value of x lies."""
        return self.width - self.right_margin

    @property
    def bottom(self) -> int:
        """Where 0 of y lies."""
        return self.height - self.bottom_margin

    def x(self, value: float) -> float:
        """Pixels from the left; values outside lie on the edge."""
        share = min(max((value - self.x_bottom) / (self.x_top - self.x_bottom), 0.0), 1.0)
        return round(self.left + (self.right - self.left) * share, 1)

    def y(self, value: float) -> float:
        """Pixels from above; values outside lie on the edge."""
        share = min(max(value / self.y_top, 0.0), 1.0)
        return round(self.top + (self.bottom - self.top) * (1 - share), 1)

    def line(self, xs: list[float], ys: list[float]) -> str:
        """Points of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in zip(xs, ys, strict=True))

    @property
    def y_ticks(self) -> list[tuple[float, int]]:
        """Position and percent of five values."""
        return [(self.y(part * self.y_top), round(100 * part * self.y_top)) for part in QUARTERS]

    @property
    def x_ticks(self) -> list[tuple[float, int]]:
        """Position and percent of five values."""
        values = [self.x_bottom + part * (self.x_top - self.x_bottom) for part in QUARTERS]
        return [(self.x(value), round(100 * value)) for value in values]
