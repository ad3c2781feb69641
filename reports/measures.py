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
from reports.plots import COLOURS, MARKERS, SIZE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOW = "Measure models first: bench measure --all."


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


def accuracy_over_steps(sheets: Sequence[Sheet]) -> Figure:
    """Clean accuracy against time steps up to the answer, calibration included, one colour per model, with its 95% band.

    Raises ``RecordError`` if no model was measured at two steps.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    sheets_with_steps = [sheet for sheet in sheets if len(sheet.steps) > 1]
    if not sheets_with_steps:
        raise RecordError("No model was measured at several time steps.", HOW)
    figure = Figure(figsize=(SIZE[0], SIZE[1] + 0.6), layout="constrained")
    axes = figure.subplots()
    for number, sheet in enumerate(sheets_with_steps):
        steps = [step.latency for step in sheet.steps]
        values, low, high = ([100 * getattr(step.accuracy, end) for step in sheet.steps] for end in ("value", "low", "high"))
        colour, marker = _colour_and_marker(number)
        axes.plot(steps, values, color=colour, marker=marker, markersize=5, linestyle=_line_style(number), label=sheet.model)
        axes.fill_between(steps, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="time steps up to the answer (T, calibration included)", ylabel="clean accuracy (%)", ylim=(0, 100))
    axes.set_title(f"{_datasets(sheets_with_steps)}: accuracy over time, 95% bands", fontsize="medium", wrap=True)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    return figure


def robustness_over_energy(sheets: Sequence[Sheet], results: Results, attack: str, eps: str) -> Figure:
    """One point per model: estimated energy per image (log) and accuracy under attack, with its 95% interval.

    Raises ``RecordError`` if no model has both.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    points = list(_points(sheets, results, attack, eps))
    if not points:
        raise RecordError(f"No model has an energy and an accuracy under {attack} at {eps}.", HOW)
    figure = Figure(figsize=(SIZE[0], SIZE[1] + 0.9), layout="constrained")
    axes = figure.subplots()
    for number, (sheet, energy, attacked) in enumerate(points):
        robust = attacked.robust
        colour, marker = _colour_and_marker(number)
        axes.errorbar(
            energy,
            100 * robust.value,
            yerr=[[100 * (robust.value - robust.low)], [100 * (robust.high - robust.value)]],
            color=colour,
            marker=marker,
            markersize=7,
            markerfacecolor=colour if sheet.steps else "white",
            linestyle="",
            linewidth=1,
            capsize=2,
            label=sheet.model,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(
        xlabel="estimated energy per image (nJ, 45 nm arithmetic alone); hollow: without spikes",
        ylabel=f"accuracy under attack of {eps} (%)",
        ylim=(-2, 100),
    )
    counts = sorted({attacked.robust.n for *_, attacked in points})
    sizes = "-".join(map(str, (counts[0], counts[-1]) if len(counts) > 1 else counts))
    axes.set_title(f"{_datasets(sheets)}, {sizes} test images, linf, {attack}: robustness over energy", fontsize="medium")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _points(sheets: Sequence[Sheet], results: Results, attack: str, eps: str) -> Iterator[tuple[Sheet, float, Attacked]]:
    for sheet in sheets:
        for attacked in results.get(sheet.model, ()):
            if sheet.cost and (attacked.attack, attacked.eps) == (attack, eps):
                yield sheet, sheet.cost.energy_nj, attacked


def _colour_and_marker(number: int) -> tuple[str, str]:
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def _line_style(number: int) -> str:
    return ("-", "--", ":", "-.")[number // len(COLOURS) % 4]


def _datasets(sheets: Sequence[Sheet]) -> str:
    return ", ".join(sorted({sheet.dataset for sheet in sheets}))
