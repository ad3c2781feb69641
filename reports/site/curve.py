"""Accuracy, shift of the score or PSNR of one model against radius as inline SVG.

It has real text, no script and no style attribute, so that a strict content policy allows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.boards.protocol import Protocol
from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.presentations.presentation import CurvePoint, presentation_of
from reports.site.axes import NEAR, Axes, rounded_up
from reports.ticks import labelled_radii

WIDTH, HEIGHT = 460, 280


@dataclass(frozen=True)
class Curve:
    """For the template: polylines as ``x,y x,y``, points as (x, y, what to say of it), ticks as (position, text)."""

    axes: Axes
    attack: str
    noise: str
    band: str
    points: list[tuple[float, float, str]]
    x_ticks: list[tuple[float, str]]


def curve(record: Record, protocol: Protocol) -> Curve:
    """The strongest result at every radius; at radius 0 the clean accuracy or PSNR, or a shift of 0."""
    presentation = presentation_of(record.task)
    return _drawn(*presentation.curve(record, protocol), presentation.lowest_top)


def _drawn(start: Interval, points: list[CurvePoint], lowest_top: float) -> Curve:
    intervals = [start, *(point.attacked for point in points)]
    noise = [start.value, *(point.noise for point in points)]
    radii, texts = [0.0, *(point.eps for point in points)], ["0", *(point.text for point in points)]
    by_radius = {point.eps: point.text for point in points}
    top = rounded_up(max([*(interval.high for interval in intervals), *noise]), lowest_top)
    axes = Axes(radii[-1], top, WIDTH, HEIGHT)
    high = axes.line(radii, [interval.high for interval in intervals]).split()
    low = axes.line(radii, [interval.low for interval in intervals]).split()
    return Curve(
        axes,
        attack=axes.line(radii, [interval.value for interval in intervals]),
        noise=axes.line(radii, noise),
        band=" ".join([*high, *reversed(low)]),
        points=[
            (axes.x(radius), axes.y(interval.value), _says(text, interval, under_noise))
            for radius, text, interval, under_noise in zip(radii, texts, intervals, noise, strict=True)
        ],
        x_ticks=[(axes.x(0), "0"), *((axes.x(eps), by_radius[eps]) for eps in labelled_radii(by_radius, NEAR))],
    )


def _says(radius: str, interval: Interval, noise: float) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"radius {radius}: {100 * interval.value:.1f} [{low:.1f}, {high:.1f}] under attack, {100 * noise:.1f} under noise"
