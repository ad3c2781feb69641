"""Accuracy under attack against accuracy under random noise of the same radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record
from reports.plots import COLOURS, MARKERS, check_comparable, heading, label, labels, last_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SQUARE = (5.4, 5.0)
DISTINCT = len(MARKERS) * len(COLOURS)


def noise_scatter(records: Sequence[Record], eps_text: str) -> Figure:
    """One point per model at a radius: accuracy under noise (x) and under attack (y), with 95% intervals.

    The vertical distance to the diagonal is the gap. A dead model lies at the lower left, not on top.
    Raises ``RecordError`` if the records are not comparable or lack the radius.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    named_cells = [(name, _last_cell(record, eps_text)) for name, record in zip(labels(records), records, strict=True)]
    figure = Figure(figsize=SQUARE, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="#666666", linestyle=":", linewidth=1)
    axes.annotate("no gap", (88, 88), ha="right", va="bottom", rotation=45, color="#666666", fontsize="small")
    for number, (name, cell) in enumerate(named_cells):
        x, y = 100 * cell.noise.value, 100 * cell.robust.value
        axes.errorbar(
            x,
            y,
            xerr=[[x - 100 * cell.noise.low], [100 * cell.noise.high - x]],
            yerr=[[y - 100 * cell.robust.low], [100 * cell.robust.high - y]],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[(number + number // len(COLOURS)) % len(MARKERS)],
            linestyle="",
            linewidth=1,
            capsize=2,
            label=name,
        )
    axes.set(
        xlabel=f"accuracy under random noise of {eps_text} (%)",
        ylabel=f"accuracy under attack of {eps_text} (%)",
        xlim=(-2, 100),
        ylim=(-2, 100),
        aspect="equal",
    )
    axes.set_title(heading(records), fontsize="medium", wrap=True)
    axes.grid(alpha=0.3)
    if len(named_cells) <= DISTINCT:
        axes.legend(fontsize="small", loc="upper left")
    return figure


def _last_cell(record: Record, eps_text: str) -> Cell:
    """The last cell of a record at a radius. Raises ``RecordError`` if there is none."""
    for cell in last_cells(record):
        if cell.eps_text == eps_text:
            return cell
    raise RecordError(f"{label(record)} has no result at {eps_text}.", "Draw a radius that all records share.")
