"""How much more an attack finds than random noise of the same radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, SMALL, blank, in_paper_style, name_rows, percentages, rows_high
from reports.plots import check_comparable, labels, last_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Gap at {eps}: accuracy under random noise minus accuracy under attack, paired, with 95% intervals. Bars: the "
    "worst of many draws of noise counts for each image; circles: one draw. A gap of 0 is that of a model that the "
    "attack does not move, and also that of a dead one, whose accuracy is printed at the right."
)


@in_paper_style
def gap_bars(records: Sequence[Record], eps_text: str, *, width: float = COLUMN) -> Figure:
    """One bar per model at a radius, the largest gap first, and the accuracy under attack beside it. width: in inches.

    Raises ``RecordError`` if the records are not comparable or lack the radius.
    """
    check_comparable(records)
    named = [(name, last_cell(record, eps_text)) for name, record in zip(labels(records), records, strict=True)]
    named.sort(key=lambda pair: -pair[1].gap_best.value)
    figure, axes = blank(width, rows_high(len(named), rest=0.75))
    for height, (_, cell) in enumerate(named):
        value, error = percentages(cell.gap_best.value, cell.gap_best.low, cell.gap_best.high)
        axes.barh(
            height, value, xerr=error, height=0.62, color=BLUE, alpha=0.55, error_kw={"elinewidth": 0.7, "ecolor": DARK}
        )
        axes.plot(100 * cell.gap.value, height, marker="o", color=DARK, markerfacecolor="white", markersize=3)
        axes.annotate(
            f"{100 * cell.robust.value:.1f}",
            xy=(1.02, height),
            xycoords=("axes fraction", "data"),
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
        )
    axes.annotate(
        "robust (%)", xy=(1.02, -0.8), xycoords=("axes fraction", "data"), fontsize=SMALL, va="bottom", annotation_clip=False
    )
    title = f"noise minus attack at {eps_text} (points)\nbar: worst of many draws; circle: one draw"
    name_rows(axes, [name for name, _ in named], title=title)
    return figure
