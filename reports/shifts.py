"""Distributions of the score shifts that attacks cause in image-quality models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.foundation.errors import RecordError
from bench.metrics.statistics import Floats
from bench.tasks.record import Record
from reports.plots import COLOURS, SIZE, check_comparable, heading, label, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UP, DOWN = "shift_up", "shift_down"
"""Columns of rows of score models: adversarial minus clean score, attacked to raise it and to lower it."""


def scores(record: Record) -> bool:
    """Whether a record is of a model that answers scores."""
    return {UP, DOWN} <= set(record.rows.columns)


def score_shifts(records: Sequence[Record], eps_text: str) -> Figure:
    """Per model the distribution of score shifts at a radius, attacked upwards and downwards.

    Raises ``RecordError`` if the records are not comparable or a record is not of a score model.
    """
    check_comparable(records)
    shifts = {}
    for name, record in zip(labels(records), records, strict=True):
        if not scores(record):
            raise RecordError(f"{label(record)} answers classes, not scores.", "Draw records of image-quality models.")
        rows = record.rows[record.rows["eps_text"] == eps_text]
        shifts[name] = (rows[UP].dropna().to_numpy(float), rows[DOWN].dropna().to_numpy(float))
    return shift_violins(shifts, eps_text, heading(records))


def shift_violins(shifts: Mapping[str, tuple[Floats, Floats]], eps_text: str, title: str) -> Figure:
    """Model to its shifts up and down (n,) each, in units of the model's score; median and quartiles are marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIZE[0], 1.6 + 0.6 * len(shifts)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#222222", linewidth=1)
    for height, (up, down) in enumerate(shifts.values()):
        # The axis is inverted below, so that "low" is the upper half.
        halves: tuple[tuple[Floats, str, Literal["high", "low"], float], ...] = (
            (up, COLOURS[1], "low", -0.03),
            (down, COLOURS[0], "high", 0.03),
        )
        for values, colour, side, offset in halves:
            if len(values) > 1 and np.ptp(values) > 0:
                parts = axes.violinplot(
                    values, [height + offset], orientation="horizontal", side=side, widths=0.8, showextrema=False
                )
                for body in parts["bodies"]:  # type: ignore[attr-defined]
                    body.set(facecolor=colour, alpha=0.45, edgecolor=colour)
            if len(values):
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                axes.plot([low, high], [height + offset] * 2, color=colour, linewidth=2.5)
                axes.plot(middle, height + offset, marker="^" if side == "low" else "v", color=colour, markersize=6)
    axes.set_yticks(range(len(shifts)), list(shifts))
    axes.invert_yaxis()
    axes.set_xlabel(
        f"score under attack of {eps_text} minus score without\n"
        "upward triangle: attacked to raise it; downward: to lower it (median, quartiles)",
        fontsize="small",
    )
    axes.set_title(title, fontsize="medium", wrap=True)
    axes.grid(axis="x", alpha=0.3)
    return figure
