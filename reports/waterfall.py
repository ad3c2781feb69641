"""Which stage of an attack set broke how many samples of one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, GREY, ORANGE, SMALL, blank, in_paper_style, name_rows, rows_high
from reports.stage_table import staged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Stages of the attack on {model} at {eps}, in the order in which they ran. Each bar is what a stage broke of what"
    " the stages before had left; the number is the number of samples."
)
WRONG, STANDING = "wrong without attack", "standing"


@dataclass(frozen=True)
class Fall:
    """A part of all samples, in %. name: the stage that broke it, :data:`WRONG` or :data:`STANDING`."""

    name: str
    low: float
    high: float
    count: int


def falls(cell: Cell) -> list[Fall]:
    """The parts of a result from 100% down: wrong without attack, broken by each stage, standing."""
    n, attempted = cell.robust.n, cell.stages[0].attempted
    counts = [(WRONG, n - attempted), *((stage.name, stage.broken) for stage in cell.stages)]
    parts: list[Fall] = []
    left = n
    for name, count in counts:
        parts.append(Fall(name, 100 * (left - count) / n, 100 * left / n, count))
        left -= count
    return [*parts, Fall(STANDING, 0.0, 100 * left / n, left)]


@in_paper_style
def stage_waterfall(record: Record, eps_text: str, *, width: float = COLUMN) -> Figure:
    """One row per stage at a radius. width: in inches. Raises ``RecordError`` if the attack had a single stage."""
    cell = staged(record, eps_text)
    if cell is None:
        raise RecordError(f"The record has no stages at {eps_text}.", "Evaluate with --attack standard.")
    parts = falls(cell)
    figure, axes = blank(width, rows_high(len(parts)))
    colours = {WRONG: GREY, STANDING: BLUE}
    for height, part in enumerate(parts):
        axes.barh(height, part.high - part.low, left=part.low, height=0.66, color=colours.get(part.name, ORANGE))
        axes.annotate(
            str(part.count), (part.high, height), (3, 0), textcoords="offset points", fontsize=SMALL, va="center", color=DARK
        )
        if part.name != STANDING:
            axes.plot([part.low, part.low], [height - 0.33, height + 1.33], color=DARK, linewidth=0.5)
    name_rows(axes, [part.name for part in parts], title=f"share of all samples at {eps_text} (%)")
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 25))
    return figure
