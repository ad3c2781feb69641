"""The axes of a picture of the site: from values to pixels of a drawing whose origin is at the left top."""

from __future__ import annotations

import math
from dataclasses import dataclass

QUARTERS = (0, 0.25, 0.5, 0.75, 1)
NEAR = 0.09
"""Labels of radii closer than this share of the axis would overlap."""


def rounded_up(value: float, least: float = 1.0) -> float:
    """The top of an axis for figures up to ``value``: at least ``least``, in steps of 0.2: quarters are whole percents."""
    return max(math.ceil(5 * least - 1e-9), math.ceil(5 * value - 1e-9)) / 5


@dataclass(frozen=True)
class Axes:
    """Values from 0 to ``x_top`` and from 0 to ``y_top`` within margins."""

    x_top: float
    y_top: float
    width: int
    height: int
    left: int = 40
    right_margin: int = 30
    top: int = 12
    bottom_margin: int = 44

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
        share = min(max(value / self.x_top, 0.0), 1.0)
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
        return [(self.x(part * self.x_top), round(100 * part * self.x_top)) for part in QUARTERS]
