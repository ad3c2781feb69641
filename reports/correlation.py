"""Rank correlation (SRCC) of quality models with opinion scores, before and after an attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.quality.results import Shift
from bench.tasks.record import Record
from reports.plots import COLOURS, SIZE, check_comparable, heading, label, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def srcc_before_after(records: Sequence[Record], eps_text: str) -> Figure:
    """One line per model at a radius: SRCC with the opinion scores, clean (circle) and attacked (square), 95% intervals.

    Raises ``RecordError`` if the records are not comparable, lack the radius, or are not of score models.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    named_shifts = [(name, _last_shift(record, eps_text)) for name, record in zip(labels(records), records, strict=True)]
    figure = Figure(figsize=(SIZE[0], 1.7 + 0.45 * len(named_shifts)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#222222", linewidth=1)
    for height, (_, shift) in enumerate(named_shifts):
        before, after = shift.srcc_clean, shift.srcc_attacked
        axes.annotate("", (after.value, height), (before.value, height), arrowprops={"arrowstyle": "->", "color": "#666666"})
        for srcc, colour, marker, offset in ((before, COLOURS[0], "o", -0.12), (after, COLOURS[1], "s", 0.12)):
            axes.plot([srcc.low, srcc.high], [height + offset] * 2, color=colour, linewidth=1.5)
            axes.plot(srcc.value, height + offset, marker=marker, color=colour, markersize=6)
    axes.set_yticks(range(len(named_shifts)), [name for name, _ in named_shifts])
    axes.set(xlim=(-1.05, 1.05), ylim=(len(named_shifts) - 0.5, -0.5))
    axes.set_xlabel(
        f"rank correlation (SRCC) with the opinion scores\ncircle: clean; square: under attack of {eps_text}; 95% intervals",
        fontsize="small",
    )
    axes.set_title(heading(records), fontsize="medium", wrap=True)
    axes.grid(axis="x", alpha=0.3)
    return figure


def _last_shift(record: Record, eps_text: str) -> Shift:
    """The last shift that a record states at a radius. Raises ``RecordError`` if there is none."""
    shifts: list[Shift] = [shift for shift in record.shifts if shift.eps_text == eps_text]
    if not shifts:
        raise RecordError(f"{label(record)} has no shift at {eps_text}.", "Draw a radius that all records share.")
    return shifts[-1]
