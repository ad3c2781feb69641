"""How many samples each stage of an attack broke, and so how many a shorter attack would have missed."""

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
"""Used together with the colours, so that neighbouring parts differ also without colour."""
STANDING, WRONG = "#FFFFFF", "#BBBBBB"


def staged(record: Record, eps_text: str) -> Cell | None:
    """The cell of a radius that was attacked in more than one stage, or None."""
    return next((cell for cell in record.cells if cell.eps_text == eps_text and len(cell.stages) > 1), None)


def shares(cell: Cell) -> dict[str, float]:
    """Percent of all samples by outcome: wrong without attack, broken by each stage, standing."""
    n = cell.robust.n
    attempted = cell.stages[0].attempted
    percentages = {"wrong unattacked": 100 * (n - attempted) / n}
    percentages |= {stage.name: 100 * stage.broken / n for stage in cell.stages}
    broken = sum(stage.broken for stage in cell.stages)
    return percentages | {"standing": 100 * (attempted - broken) / n}


def stage_attribution(records: Sequence[Record], eps_text: str) -> Figure:
    """One bar per model at a radius, divided by the stage that broke the samples; stages ran in the order of the parts.

    Raises ``RecordError`` if the records are not comparable or none was attacked in several stages.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    named_records = zip(labels(records), records, strict=True)
    model_shares = {name: shares(cell) for name, record in named_records if (cell := staged(record, eps_text))}
    if not model_shares:
        raise RecordError(f"No record has stages at {eps_text}.", "Evaluate with --attack standard.")
    parts = [
        *dict.fromkeys(part for percentages in model_shares.values() for part in percentages if part != "standing"),
        "standing",
    ]
    figure = Figure(figsize=(SIZE[0], 1.6 + 0.42 * len(model_shares)), layout="constrained")
    axes = figure.subplots()
    bar_ends = dict.fromkeys(model_shares, 0.0)
    for number, part in enumerate(parts):
        widths = [percentages.get(part, 0.0) for percentages in model_shares.values()]
        colour, hatch = _fill(part, number - 1)
        axes.barh(
            list(model_shares),
            widths,
            left=list(bar_ends.values()),
            color=colour,
            hatch=hatch,
            edgecolor="#222222",
            linewidth=0.6,
            label=part,
        )
        bar_ends = {name: bar_ends[name] + width for name, width in zip(model_shares, widths, strict=True)}
    axes.invert_yaxis()
    axes.set(xlabel=f"share of all samples at {eps_text} (%)", xlim=(0, 100))
    axes.set_title(heading(records), fontsize="medium", wrap=True)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _fill(part: str, number: int) -> tuple[str, str]:
    """Colour and hatch of a part of a bar."""
    if part == "standing":
        return STANDING, ""
    if part == "wrong unattacked":
        return WRONG, ""
    return COLOURS[number % len(COLOURS)], HATCHES[number % len(HATCHES)]
