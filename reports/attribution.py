"""Which stage of an attack broke what: how much of a number would have been missed by a shorter attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record
from reports.plots import COLOURS, SIZE, check_comparable, heading, labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HATCHES = ("", "///", "...", "\\\\\\", "xxx", "ooo", "---", "+++")
"""With the colours, so that neighbours are told apart without them."""
STANDING, WRONG = "#FFFFFF", "#BBBBBB"


def staged(record: Record, eps_text: str) -> Cell | None:
    """The cell of a radius that was attacked in more than one stage, or None."""
    return next((cell for cell in record.cells if cell.eps_text == eps_text and len(cell.stages) > 1), None)


def shares(cell: Cell) -> dict[str, float]:
    """Share of all samples, in percent, by what became of them: wrong without attack, broken by each stage, standing."""
    n = cell.robust.n
    attempted = cell.stages[0].attempted
    found = {"wrong unattacked": 100 * (n - attempted) / n}
    found |= {stage.name: 100 * stage.broken / n for stage in cell.stages}
    broken = sum(stage.broken for stage in cell.stages)
    return found | {"standing": 100 * (attempted - broken) / n}


def stage_attribution(records: Sequence[Record], eps_text: str) -> Figure:
    """One bar per model at a radius, cut by the stage that broke each sample; samples are few, stages ran in order.

    Raises ``RecordError`` if the records are not comparable or none was attacked in stages.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    named = zip(labels(records), records, strict=True)
    found = {name: shares(cell) for name, record in named if (cell := staged(record, eps_text))}
    if not found:
        raise RecordError(f"No record has stages at {eps_text}.", "Evaluate with --attack standard.")
    parts = [*dict.fromkeys(part for bars in found.values() for part in bars if part != "standing"), "standing"]
    figure = Figure(figsize=(SIZE[0], 1.6 + 0.42 * len(found)), layout="constrained")
    axes = figure.subplots()
    left = dict.fromkeys(found, 0.0)
    for number, part in enumerate(parts):
        widths = [bars.get(part, 0.0) for bars in found.values()]
        colour, hatch = _look(part, number - 1)
        axes.barh(
            list(found),
            widths,
            left=list(left.values()),
            color=colour,
            hatch=hatch,
            edgecolor="#222222",
            linewidth=0.6,
            label=part,
        )
        left = {name: left[name] + width for name, width in zip(found, widths, strict=True)}
    axes.invert_yaxis()
    axes.set(xlabel=f"share of all samples at {eps_text} (%)", xlim=(0, 100))
    axes.set_title(heading(records), fontsize="medium", wrap=True)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _look(part: str, number: int) -> tuple[str, str]:
    if part == "standing":
        return STANDING, ""
    if part == "wrong unattacked":
        return WRONG, ""
    return COLOURS[number % len(COLOURS)], HATCHES[number % len(HATCHES)]
