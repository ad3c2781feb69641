"""Accuracy under attack against the radius of the attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.tasks.record import Record
from reports.direct_labels import Named, height_for, label_at_the_right
from reports.paper_style import COLUMN, GREY, HEIGHT, blank, in_paper_style, look, percentages
from reports.plots import check_comparable, labels, last_cells
from reports.ticks import labelled_radii

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Accuracy against the radius of the attack. Filled markers: under attack, with 95% intervals; dotted lines "
    "connect the measured radii and state nothing between them. Hollow markers: under random noise of the radius."
)
NOISE_LIMIT = 6
"""More models than this, and the noise of each would hide that of the others; it is then left to the scatter."""
DODGE = 0.012
"""Distance between two models at the same radius, in widths of the axis; marks of equal height would hide each other."""
NEAR = 0.13
"""Ticks closer than this share of the axis would overlap."""


@in_paper_style
def accuracy_curves(records: Sequence[Record], *, width: float = COLUMN) -> Figure:
    """One colour and marker per model, named at the right end. width: in inches.

    Raises ``RecordError`` if the records are not comparable.
    """
    check_comparable(records)
    with_noise = len(records) <= NOISE_LIMIT
    figure, axes = blank(width, height_for(len(records) + with_noise, HEIGHT))
    radii = {cell.eps: cell.eps_text for record in records for cell in last_cells(record)}
    reach = max(radii)
    names = labels(records)
    ends: list[Named] = []
    for number, (record, name) in enumerate(zip(records, names, strict=True)):
        shift = reach * DODGE * (number - (len(records) - 1) / 2)
        ends.append(_draw_curve(axes, record, name, number, shift, with_noise=with_noise))
    ticks = labelled_radii(radii, NEAR)
    axes.set_xticks([0.0, *ticks], ["0", *(radii[radius] for radius in ticks)])
    axes.set(xlabel=f"radius ({records[0].norm})", ylabel="accuracy (%)", ylim=(-2, 102))
    axes.grid(axis="x", visible=False)
    if with_noise:
        highest = max(100 * last_cells(record)[-1].noise.value for record in records)
        ends.append(Named(reach, highest, "random noise", GREY, "o", hollow=True))
    # Of equal ends the lower place goes to the model that was lower at the radius before.
    before = {name: last_cells(record)[0].robust.value for name, record in zip(names, records, strict=True)}
    label_at_the_right(figure, axes, sorted(ends, key=lambda end: before.get(end.name, 1.0)))
    return figure


def _draw_curve(axes: Axes, record: Record, name: str, number: int, shift: float, *, with_noise: bool) -> Named:
    """Draw one model, and return the point at the end of its curve."""
    cells = last_cells(record)
    colour, marker = look(number)
    rates = [cells[0].clean, *(cell.robust for cell in cells)]
    x = [radius + shift for radius in (0.0, *(cell.eps for cell in cells))]
    points = [percentages(rate.value, rate.low, rate.high) for rate in rates]
    y = [value for value, _ in points]
    errors = [[error[end][0] for _, error in points] for end in (0, 1)]
    axes.errorbar(x, y, errors, color=colour, marker=marker, linestyle=":", elinewidth=0.7, label=name)
    if with_noise:
        noise = [100 * cell.noise.value for cell in cells]
        axes.plot(x[1:], noise, color=colour, marker=marker, markerfacecolor="white", linestyle="", markersize=3)
    return Named(x[-1], y[-1], name, colour, marker)
