"""Accuracy of many models at several radii, a row each: curves of so many models would hide each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.paper_style import COLUMN, SMALL, blank, in_paper_style, look, name_rows, percentages, rows_high
from reports.plots import check_comparable, labels, last_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Accuracy without attack and under attacks of each radius, with 95% intervals; the most robust model at the "
    "smallest radius comes first."
)
CLEAN = "clean"
KEY_ROW = -1.2
"""Row of the key, above the first one."""


def rates_of(record: Record) -> dict[str, Interval]:
    """Accuracy by radius as written in its spec, ascending; the clean one first."""
    cells = last_cells(record)
    return {CLEAN: cells[0].clean} | {cell.eps_text: cell.robust for cell in cells}


@in_paper_style
def accuracy_rows(records: Sequence[Record], *, width: float = COLUMN) -> Figure:
    """One row per model, one colour and marker per radius, named above the first row. width: in inches.

    Raises ``RecordError`` if the records are not comparable.
    """
    check_comparable(records)
    named = [(name, rates_of(record)) for name, record in zip(labels(records), records, strict=True)]
    radii = list(dict.fromkeys(radius for _, rates in named for radius in rates))
    named.sort(key=lambda pair: [-pair[1][radius].value for radius in radii[1:] if radius in pair[1]])
    figure, axes = blank(width, rows_high(len(named), rest=0.75))
    for number, radius in enumerate(radii):
        colour, marker = look(number)
        for height, (_, rates) in enumerate(named):
            if radius in rates:
                x, error = percentages(rates[radius].value, rates[radius].low, rates[radius].high)
                axes.errorbar(x, height, xerr=error, color=colour, marker=marker, linestyle="", elinewidth=0.8, capsize=0)
    name_rows(axes, [name for name, _ in named], title="accuracy (%)")
    axes.set_xlim(-2, 102)
    for number, radius in enumerate(radii):
        colour, marker = look(number)
        place = number / len(radii) + 0.04
        across = axes.get_yaxis_transform()  # x in widths of the axes, y in rows
        axes.scatter([place], [KEY_ROW], s=14, marker=marker, color=colour, transform=across, clip_on=False)
        axes.annotate(
            radius,
            (place, KEY_ROW),
            (4, 0),
            xycoords=across,
            textcoords="offset points",
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
        )
    return figure
