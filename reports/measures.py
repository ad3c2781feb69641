"""Figures from the sheets that ``bench measure`` writes, and from the board: accuracy over time, robustness over energy.

Input: ``leaderboards/measures/NAME.json`` (``Sheet``). Only sheets of the present weights
are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.studies.measures.attacked import Attacked, Results
from bench.studies.measures.sheet import FOLDER, Sheet, read_sheet
from reports.direct_labels import Named, height_for, label_at_the_right
from reports.paper_style import COLUMN, HEIGHT, blank, in_paper_style, look, percentages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOW = "Measure models first: bench measure --all."
STEPS_CAPTION = (
    "Clean accuracy against the number of time steps up to the answer, calibration included ({data}). Bars: 95% "
    "intervals; dotted lines connect the measured numbers of steps."
)
ENERGY_CAPTION = (
    "Accuracy under {attack} at {eps} against the estimated energy of one image ({data}; 45 nm arithmetic alone). "
    "Bars: 95% intervals. Hollow markers: networks without spikes."
)


def sheets(root: Path) -> list[Sheet]:
    """All sheets below a folder of boards whose model still has those weights, by name."""
    from zoo.card import names

    readable = (read_sheet(root, path.stem) for path in sorted((root / FOLDER).glob("*.json")) if path.stem in names())
    return [sheet for sheet in readable if sheet is not None]


def attacks_of(sheets: Sequence[Sheet], results: Results) -> list[tuple[str, str]]:
    """(attack, radius) under which at least two models with known energy were attacked, in the order of the sheets."""
    known = [sheet.model for sheet in sheets if sheet.cost]
    pairs = [(attacked.attack, attacked.eps) for model in known for attacked in results.get(model, ())]
    return [pair for pair in dict.fromkeys(pairs) if pairs.count(pair) > 1]


@in_paper_style
def accuracy_over_steps(sheets: Sequence[Sheet], *, width: float = COLUMN) -> Figure:
    """Clean accuracy against time steps up to the answer, calibration included, with 95% intervals. width: in inches.

    Raises ``RecordError`` if no model was measured at two steps.
    """
    from matplotlib.ticker import NullLocator

    sheets_with_steps = [sheet for sheet in sheets if len(sheet.steps) > 1]
    if not sheets_with_steps:
        raise RecordError("No model was measured at several time steps.", HOW)
    figure, axes = blank(width, height_for(len(sheets_with_steps), HEIGHT))
    ends: list[Named] = []
    for number, sheet in enumerate(sheets_with_steps):
        steps = [step.latency for step in sheet.steps]
        points = [percentages(step.accuracy.value, step.accuracy.low, step.accuracy.high) for step in sheet.steps]
        values = [value for value, _ in points]
        errors = [[error[end][0] for _, error in points] for end in (0, 1)]
        colour, marker = look(number)
        axes.errorbar(steps, values, errors, color=colour, marker=marker, linestyle=":", elinewidth=0.6, label=sheet.model)
        ends.append(Named(steps[-1], values[-1], sheet.model, colour, marker))
    last = max(end.x for end in ends)
    ticks = [2**power for power in range(12) if 2**power <= last]
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="time steps up to the answer", ylabel="clean accuracy (%)", ylim=(0, 100))
    label_at_the_right(figure, axes, ends)
    return figure


@in_paper_style
def robustness_over_energy(
    sheets: Sequence[Sheet], results: Results, attack: str, eps: str, *, width: float = COLUMN
) -> Figure:
    """One point per model: estimated energy per image (log) and accuracy under attack, with its 95% interval.

    width: in inches. Raises ``RecordError`` if no model has both.
    """
    from matplotlib.ticker import NullLocator

    points = list(_points(sheets, results, attack, eps))
    if not points:
        raise RecordError(f"No model has an energy and an accuracy under {attack} at {eps}.", HOW)
    figure, axes = blank(width, height_for(len(points), HEIGHT))
    named: list[Named] = []
    for number, (sheet, energy, attacked) in enumerate(points):
        value, error = percentages(attacked.robust.value, attacked.robust.low, attacked.robust.high)
        colour, marker = look(number)
        axes.errorbar(
            energy,
            value,
            yerr=error,
            color=colour,
            marker=marker,
            markerfacecolor=colour if sheet.steps else "white",
            linestyle="",
            elinewidth=0.6,
            label=sheet.model,
        )
        named.append(Named(energy, value, sheet.model, colour, marker, hollow=not sheet.steps))
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    series = [leading * 10**power for power in range(-3, 9) for leading in (1, 2, 5)]
    ticks = [tick for tick in series if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(
        xlabel="energy per image (nJ, estimated)\nhollow: without spikes",
        ylabel=f"accuracy under {attack} at {eps} (%)",
    )
    axes.set_ylim(bottom=-1)
    label_at_the_right(figure, axes, sorted(named, key=lambda point: -point.x))
    return figure


def _points(sheets: Sequence[Sheet], results: Results, attack: str, eps: str) -> Iterator[tuple[Sheet, float, Attacked]]:
    for sheet in sheets:
        for attacked in results.get(sheet.model, ()):
            if sheet.cost and (attacked.attack, attacked.eps) == (attack, eps):
                yield sheet, sheet.cost.energy_nj, attacked


def datasets(sheets: Sequence[Sheet]) -> str:
    """The data sets of the sheets, for a caption."""
    return ", ".join(sorted({sheet.dataset for sheet in sheets}))
