"""Distributions of the score shifts that attacks cause in image-quality models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.foundation.errors import RecordError
from bench.metrics.statistics import Floats
from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, ORANGE, blank, in_paper_style, name_rows, rows_high
from reports.plots import check_comparable, label, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Score shifts at {eps}: score under attack minus score without. Orange, upward triangles: attacked to raise the "
    "score; blue, downward triangles: attacked to lower it. Triangles: medians; thick lines: quartiles."
)
UP, DOWN = "shift_up", "shift_down"
"""Columns of rows of score models: adversarial minus clean score, attacked to raise it and to lower it."""


def scores(record: Record) -> bool:
    """Whether a record is of a model that answers scores."""
    return {UP, DOWN} <= set(record.rows.columns)


def score_shifts(records: Sequence[Record], eps_text: str, *, width: float = COLUMN) -> Figure:
    """Per model the distribution of score shifts at a radius, attacked upwards and downwards. width: in inches.

    Raises ``RecordError`` if the records are not comparable or a record is not of a score model.
    """
    check_comparable(records)
    shifts = {}
    for name, record in zip(labels(records), records, strict=True):
        if not scores(record):
            raise RecordError(f"{label(record)} answers classes, not scores.", "Draw records of image-quality models.")
        rows = record.rows[record.rows["eps_text"] == eps_text]
        shifts[name] = (rows[UP].dropna().to_numpy(float), rows[DOWN].dropna().to_numpy(float))
    return shift_violins(shifts, eps_text, width=width)


@in_paper_style
def shift_violins(shifts: Mapping[str, tuple[Floats, Floats]], eps_text: str, *, width: float = COLUMN) -> Figure:
    """Model to its shifts up and down (n,) each, in units of the model's score; median and quartiles are marked."""
    figure, axes = blank(width, rows_high(len(shifts), row=0.3, rest=0.75))
    axes.axvline(0, color=DARK, linewidth=0.8)
    for height, (up, down) in enumerate(shifts.values()):
        # The axis is inverted below, so that "low" is the upper half.
        halves: tuple[tuple[Floats, str, Literal["high", "low"], float], ...] = (
            (up, ORANGE, "low", -0.05),
            (down, BLUE, "high", 0.05),
        )
        for values, colour, side, offset in halves:
            if len(values) > 1 and np.ptp(values) > 0:
                parts = axes.violinplot(
                    values, [height + offset], orientation="horizontal", side=side, widths=0.85, showextrema=False
                )
                for body in parts["bodies"]:  # type: ignore[attr-defined]
                    body.set(facecolor=colour, alpha=0.45, edgecolor=colour, linewidth=0.6)
            if len(values):
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                axes.plot([low, high], [height + offset] * 2, color=colour, linewidth=1.6)
                axes.plot(middle, height + offset, marker="^" if side == "low" else "v", color=colour)
    name_rows(axes, list(shifts), title=f"shift of the score, attacked at {eps_text}\n▲ to raise it   ▼ to lower it")
    return figure
