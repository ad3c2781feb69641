"""Which stage of an attack set broke how many samples of each of several models, as a table whose cells are shaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.errors import RecordError
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record
from reports.paper_style import DARK, PAGE, SMALL, blank, in_paper_style, rows_high
from reports.plots import check_comparable, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Samples that each stage of the attack broke at {eps}; stages ran from left to right, on what the stages before "
    "had left. Empty: the stage does not fit the model, or broke nothing; stages that broke nothing at all are left "
    "out. The last column is what stands."
)
STANDING = "standing"


def staged(record: Record, eps_text: str) -> Cell | None:
    """The result of a radius that was attacked in more than one stage, or None."""
    return next((cell for cell in record.cells if cell.eps_text == eps_text and len(cell.stages) > 1), None)


def broken_counts(cell: Cell) -> dict[str, int]:
    """Number of samples by the stage that broke them, and of those that stand."""
    counts = {stage.name: stage.broken for stage in cell.stages}
    return counts | {STANDING: cell.stages[0].attempted - sum(counts.values())}


def stage_table(records: Sequence[Record], eps_text: str, *, width: float = PAGE) -> Figure:
    """One row per model at a radius, the most robust first, one column per stage, in their order.

    width: in inches; less than a page is too narrow for so many stages. Raises ``RecordError`` if the records are not
    comparable or none was attacked in several stages.
    """
    check_comparable(records)
    named = {
        name: broken_counts(cell)
        for name, record in zip(labels(records), records, strict=True)
        if (cell := staged(record, eps_text))
    }
    if not named:
        raise RecordError(f"No record has stages at {eps_text}.", "Evaluate with --attack standard.")
    named = dict(sorted(named.items(), key=lambda pair: -pair[1][STANDING]))
    stages = [
        stage for stage in merged(list(map(list, named.values()))) if any(counts.get(stage) for counts in named.values())
    ]
    return _draw(list(named), stages, [[counts.get(stage, 0) for stage in stages] for counts in named.values()], width)


def merged(sequences: Sequence[Sequence[str]]) -> list[str]:
    """The names of all sequences, each once, in an order that keeps that of the longest, and of the others where it can.

    A name that is not there yet comes right after the name before it in its own sequence.
    """
    names: list[str] = []
    for sequence in sorted(sequences, key=len, reverse=True):
        place = 0
        for name in sequence:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    return names


@in_paper_style
def _draw(models: Sequence[str], stages: Sequence[str], counts: Sequence[Sequence[int]], width: float) -> Figure:
    figure, axes = blank(width, rows_high(len(models), rest=1.3))
    values = np.array(counts, float)
    axes.imshow(np.sqrt(values), cmap="Blues", aspect="auto", vmax=1.25 * np.sqrt(max(values.max(), 1.0)))
    half = np.sqrt(values.max()) * 0.75
    for (row, column), value in np.ndenumerate(values):
        if value:
            colour = "white" if np.sqrt(value) > half else DARK
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=SMALL - 0.5, color=colour)
    axes.set_yticks(range(len(models)), list(models))
    axes.set_xticks(range(len(stages)), list(stages), rotation=55, ha="left", rotation_mode="anchor", fontsize=SMALL)
    axes.xaxis.tick_top()
    if stages[-1] == STANDING:
        axes.axvline(len(stages) - 1.5, color=DARK, linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    return figure
