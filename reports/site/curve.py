"""Accuracy, or shift of the score, against radius as inline SVG.

It has real text, no script and no style attribute, so that a strict content policy allows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.presentations.presentation import presentation_of

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
    start, points = presentation_of(record.task).curve(record)
    return _drawn(start, [(point.eps, point.text, point.attacked, point.noise) for point in points])


def _drawn(start: Interval, points: list[tuple[float, str, Interval, float]]) -> Curve:
    """start: figure at radius 0. points: radius, its text, figure under attack, figure under noise."""
    largest = points[-1][0]
    top = max(1.0, start.high, *(attacked.high for _, _, attacked, _ in points), *(noise for *_, noise in points))

    def x(eps: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * eps / largest, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - max(0.0, value) / top), 1)

    def line(values: list[float]) -> str:
        return " ".join(f"{x(eps)},{y(value)}" for eps, value in zip(radii, values, strict=True))

    radii = [0.0, *(eps for eps, *_ in points)]
    values = [start.value, *(attacked.value for _, _, attacked, _ in points)]
    high = line([start.high, *(attacked.high for _, _, attacked, _ in points)]).split()
    low = line([start.low, *(attacked.low for _, _, attacked, _ in points)]).split()
    return Curve(
        attack=line(values),
        noise=line([start.value, *(noise for *_, noise in points)]),
        band=" ".join([*high, *reversed(low)]),
        points=[(x(eps), y(value)) for eps, value in zip(radii, values, strict=True)],
        x_ticks=[(LEFT, "0"), *((x(eps), text) for eps, text, *_ in points)],
        y_ticks=[(y(part * top), round(100 * part * top)) for part in (0, 0.25, 0.5, 0.75, 1)],
    )
