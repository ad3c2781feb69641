"""Accuracy, or shift of the score, against radius as inline SVG.

Real text, no script, no style attribute, so that a strict policy lets it be.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.evaluation.records.record import Interval, Record
from bench.tasks.quality.board import scale
from reports.plots import last_cells

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 40, 30, 12, 44


@dataclass(frozen=True)
class Curve:
    """Coordinates for the template: polylines as ``x,y x,y``, points, and ticks as (position, text)."""

    attack: str
    noise: str
    band: str
    points: list[tuple[float, float]]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, int]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def curve(record: Record) -> Curve:
    """The strongest result at every radius, evenly spaced; at radius 0 the clean accuracy, or a shift of 0."""
    if record.task == "quality":
        width = scale(record).width
        largest = {one.eps: one for one in record.shifts}
        shifts = [largest[eps] for eps in sorted(largest)]
        points = [(one.eps, one.eps_text, one.in_ranges, one.noise.value / width) for one in shifts]
        return _drawn(Interval(value=0.0, low=0.0, high=0.0, n=record.data.n), points)
    cells = last_cells(record)
    return _drawn(cells[0].clean, [(cell.eps, cell.eps_text, cell.robust, cell.noise.value) for cell in cells])


def _drawn(start: Interval, points: list[tuple[float, str, Interval, float]]) -> Curve:
    """start: at radius 0. points: radius, its text, what the attack leaves or does, what noise does."""
    largest = points[-1][0]
    top = max(1.0, start.high, *(one.high for _, _, one, _ in points), *(noise for *_, noise in points))

    def x(eps: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * eps / largest, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - max(0.0, value) / top), 1)

    def line(values: list[float]) -> str:
        return " ".join(f"{x(eps)},{y(value)}" for eps, value in zip(radii, values, strict=True))

    radii = [0.0, *(eps for eps, *_ in points)]
    attacked = [start.value, *(one.value for _, _, one, _ in points)]
    high = line([start.high, *(one.high for _, _, one, _ in points)]).split()
    low = line([start.low, *(one.low for _, _, one, _ in points)]).split()
    return Curve(
        attack=line(attacked),
        noise=line([start.value, *(noise for *_, noise in points)]),
        band=" ".join([*high, *reversed(low)]),
        points=[(x(eps), y(value)) for eps, value in zip(radii, attacked, strict=True)],
        x_ticks=[(LEFT, "0"), *((x(eps), text) for eps, text, *_ in points)],
        y_ticks=[(y(part * top), round(100 * part * top)) for part in (0, 0.25, 0.5, 0.75, 1)],
    )
