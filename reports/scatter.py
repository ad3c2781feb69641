"""Accuracy under attack against accuracy without it: clean, or under random noise of the same radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.direct_labels import Named, height_for, label_at_the_right
from reports.paper_style import COLUMN, GREY, HEIGHT, blank, in_paper_style, look, percentages
from reports.plots import check_comparable, labels, last_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Unattacked = Literal["clean", "noise"]
AXIS = {"clean": "clean accuracy (%)", "noise": "accuracy under random noise of {eps} (%)"}
CAPTION = {
    "clean": "Robust against clean accuracy at {eps}. Bars: 95% intervals. On the dotted line an attack changes nothing.",
    "noise": "Accuracy under attack against accuracy under random noise of the same radius, {eps}. Bars: 95% intervals. The "
    "vertical distance to the dotted line is the gap.",
}
MARGIN = 4.0
"""Points of accuracy left of the models; twice as many to their right and above them."""


@in_paper_style
def robust_scatter(
    records: Sequence[Record], eps_text: str, *, against: Unattacked = "clean", width: float = COLUMN
) -> Figure:
    """One point per model at a radius, with 95% intervals in both directions. width: in inches.

    A dead model lies at the lower left, not on top. Raises ``RecordError`` if the records are not comparable or lack the
    radius.
    """
    check_comparable(records)
    figure, axes = blank(width, height_for(len(records), HEIGHT))
    points: list[Named] = []
    lows: list[float] = []
    tops: list[float] = []
    for number, (record, name) in enumerate(zip(records, labels(records), strict=True)):
        cell = last_cell(record, eps_text)
        unattacked: Interval = getattr(cell, against)
        x, x_error = percentages(unattacked.value, unattacked.low, unattacked.high)
        y, y_error = percentages(cell.robust.value, cell.robust.low, cell.robust.high)
        colour, marker = look(number)
        axes.errorbar(
            x, y, xerr=x_error, yerr=y_error, color=colour, marker=marker, linestyle="", elinewidth=0.6, label=name
        )
        points.append(Named(x, y, name, colour, marker))
        lows.append(x - x_error[0][0])
        tops.append(y + y_error[1][0])
    start = max(min(lows) - MARGIN, -2)
    axes.plot([start, 100], [start, 100], color=GREY, linestyle=":", linewidth=0.8, scalex=False, scaley=False)
    highest, top = max(point.x for point in points), max(tops)
    axes.set(
        xlabel=AXIS[against].format(eps=eps_text),
        ylabel=f"accuracy under attack of {eps_text} (%)",
        xlim=(start, min(highest + 2 * MARGIN, 102)),
        ylim=(-0.02 * top, min(1.15 * top + 2 * MARGIN, 102)),
    )
    label_at_the_right(figure, axes, sorted(points, key=lambda point: -point.x))
    return figure
