"""Paired differences between the best model and every other, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.evaluation.records.comparison import compare
from bench.foundation.errors import RecordError
from bench.tasks.comparison import Comparison
from bench.tasks.record import Record
from reports.plots import COLOURS, SIZE, check_comparable, heading, label, labels, last_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def difference_forest(records: Sequence[Record], eps_text: str) -> Figure:
    """Accuracy under attack of the best model minus that of each other model, on their common samples, in points.

    An interval that crosses zero means that these samples do not show a difference. Best: highest accuracy at the radius.
    Raises ``RecordError`` if there are fewer than two records, or if they are not comparable.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    if len(records) < 2:
        raise RecordError("A difference needs two records.", "Name another one.")
    ordered = sorted(records, key=lambda record: -_robust(record, eps_text))
    best, others = ordered[0], ordered[1:]
    first, *rest = labels(ordered)
    comparisons = [_under_attack(best, other, eps_text) for other in others]
    figure = Figure(figsize=(SIZE[0], 1.5 + 0.34 * len(others)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#222222", linewidth=1)
    for height, comparison in enumerate(comparisons):
        difference = comparison.difference
        differs = difference.low > 0 or difference.high < 0
        axes.plot(
            [100 * difference.low, 100 * difference.high], [height, height], color=COLOURS[0 if differs else 1], linewidth=2
        )
        axes.plot(
            100 * difference.value,
            height,
            marker="s" if differs else "o",
            color=COLOURS[0 if differs else 1],
            markerfacecolor=COLOURS[0] if differs else "white",
        )
    names = [f"{name} ({100 * comparison.second:.1f}%)" for name, comparison in zip(rest, comparisons, strict=True)]
    axes.set_yticks(range(len(others)), names)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"{first} ({100 * comparisons[0].first:.1f}%) minus the model, points of accuracy under attack at {eps_text}\n"
        "filled: the 95% interval excludes zero; hollow: these samples cannot tell them apart",
        fontsize="small",
    )
    axes.set_title(heading(records), fontsize="medium", wrap=True)
    axes.grid(axis="x", alpha=0.3)
    return figure


def _robust(record: Record, eps_text: str) -> float:
    """Accuracy under attack at a radius. Raises ``RecordError`` if the record lacks the radius."""
    for cell in last_cells(record):
        if cell.eps_text == eps_text:
            return cell.robust.value
    raise RecordError(f"{label(record)} has no result at {eps_text}.", "Draw a radius that all records share.")


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
