"""Accuracy against radius as inline SVG: real text, no script, no style attribute, so that a strict policy lets it be."""

from __future__ import annotations

from dataclasses import dataclass

from bench.record import Record
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
    """Clean accuracy at radius 0, then the strongest result at every radius, evenly spaced in the radius."""
    cells = last_cells(record)
    clean, largest = cells[0].clean, cells[-1].eps

    def x(eps: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * eps / largest, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value), 1)

    def line(values: list[float]) -> str:
        return " ".join(f"{x(eps)},{y(value)}" for eps, value in zip(radii, values, strict=True))

    radii = [0.0, *(cell.eps for cell in cells)]
    robust = [clean.value, *(cell.robust.value for cell in cells)]
    high = line([clean.high, *(cell.robust.high for cell in cells)]).split()
    low = line([clean.low, *(cell.robust.low for cell in cells)]).split()
    return Curve(
        attack=line(robust),
        noise=line([clean.value, *(cell.noise.value for cell in cells)]),
        band=" ".join([*high, *reversed(low)]),
        points=[(x(eps), y(value)) for eps, value in zip(radii, robust, strict=True)],
        x_ticks=[(LEFT, "0"), *((x(cell.eps), cell.eps_text) for cell in cells)],
        y_ticks=[(y(percent / 100), percent) for percent in (0, 25, 50, 75, 100)],
    )
