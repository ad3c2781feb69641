"""Paired differences between the best model and every other, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.evaluation.records.comparison import compare
from bench.foundation.errors import RecordError
from bench.tasks.comparison import Comparison
from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, ORANGE, blank, in_paper_style, name_rows, rows_high
from reports.plots import check_comparable, labels, last_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Paired differences at {eps}: accuracy under attack of {best} minus that of each other model on the same images, "
    "with 95% intervals; in brackets the accuracy of the other model. Filled squares: the interval excludes zero; "
    "hollow circles: these images do not tell the two models apart."
)


def best_first(records: Sequence[Record], eps_text: str) -> list[Record]:
    """The records by accuracy under attack at a radius. Raises ``RecordError`` if one lacks the radius."""
    return sorted(records, key=lambda record: -last_cell(record, eps_text).robust.value)


@in_paper_style
def difference_forest(records: Sequence[Record], eps_text: str, *, width: float = COLUMN) -> Figure:
    """Accuracy under attack of the best model minus that of each other model, on their common samples, in points.

    An interval that crosses zero means that these samples do not show a difference. Best: highest accuracy at the radius.
    width: in inches. Raises ``RecordError`` if there are fewer than two records, or if they are not comparable.
    """
    check_comparable(records)
    if len(records) < 2:
        raise RecordError("A difference needs two records.", "Name another one.")
    best, *others = best_first(records, eps_text)
    first, *rest = labels([best, *others])
    comparisons = [_under_attack(best, other, eps_text) for other in others]
    figure, axes = blank(width, rows_high(len(others), rest=0.75))
    axes.axvline(0, color=DARK, linewidth=0.8)
    for height, comparison in enumerate(comparisons):
        difference = comparison.difference
        differs = difference.low > 0 or difference.high < 0
        colour = BLUE if differs else ORANGE
        axes.plot([100 * difference.low, 100 * difference.high], [height, height], color=colour, linewidth=1.3)
        axes.plot(
            100 * difference.value,
            height,
            marker="s" if differs else "o",
            color=colour,
            markerfacecolor=colour if differs else "white",
        )
    names = [f"{name} ({100 * comparison.second:.1f}%)" for name, comparison in zip(rest, comparisons, strict=True)]
    title = f"{first} ({100 * comparisons[0].first:.1f}%) minus the model\nunder attack of {eps_text} (points)"
    name_rows(axes, names, title=title)
    return figure


def _under_attack(first: Record, second: Record, eps_text: str) -> Comparison:
    """The last comparison at a radius that is under attack. Raises ``RecordError`` if there is none."""
    comparisons = [
        comparison
        for comparison in compare(first, second)
        if comparison.eps_text == eps_text and comparison.what not in ("clean", "noise")
    ]
    if not comparisons:
        raise RecordError("The records share no attack at this radius.", "Evaluate both with the same --attack and --eps.")
    return comparisons[-1]
