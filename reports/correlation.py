"""Rank correlation (SRCC) of quality models with opinion scores, before and after an attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.quality.results import Shift
from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, GREY, ORANGE, blank, in_paper_style, name_rows, rows_high
from reports.plots import check_comparable, label, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Rank correlation (SRCC) with the opinion scores, with 95% intervals. Blue circles: clean images; orange squares:"
    " images attacked at {eps}."
)


@in_paper_style
def srcc_before_after(records: Sequence[Record], eps_text: str, *, width: float = COLUMN) -> Figure:
    """One row per model at a radius: SRCC with the opinion scores, clean (circle) and attacked (square), 95% intervals.

    width: in inches. Raises ``RecordError`` if the records are not comparable, lack the radius, or are not of score models.
    """
    check_comparable(records)
    named_shifts = [(name, _last_shift(record, eps_text)) for name, record in zip(labels(records), records, strict=True)]
    figure, axes = blank(width, rows_high(len(named_shifts), row=0.24, rest=0.75))
    axes.axvline(0, color=DARK, linewidth=0.8)
    for height, (_, shift) in enumerate(named_shifts):
        before, after = shift.srcc_clean, shift.srcc_attacked
        axes.annotate(
            "",
            (after.value, height),
            (before.value, height),
            arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 0.6, "mutation_scale": 6},
        )
        for srcc, colour, marker, offset in ((before, BLUE, "o", -0.14), (after, ORANGE, "s", 0.14)):
            axes.plot([srcc.low, srcc.high], [height + offset] * 2, color=colour, linewidth=1.1)
            axes.plot(srcc.value, height + offset, marker=marker, color=colour)
    title = f"rank correlation with opinion scores\n● clean   ■ attacked at {eps_text}"
    name_rows(axes, [name for name, _ in named_shifts], title=title)
    axes.set_xlim(-1.05, 1.05)
    return figure


def _last_shift(record: Record, eps_text: str) -> Shift:
    """The last shift that a record states at a radius. Raises ``RecordError`` if there is none."""
    shifts: list[Shift] = [shift for shift in record.shifts if shift.eps_text == eps_text]
    if not shifts:
        raise RecordError(f"{label(record)} has no shift at {eps_text}.", "Draw a radius that all records share.")
    return shifts[-1]
