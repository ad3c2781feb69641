"""The printed text for a model that decides."""

from __future__ import annotations

from collections.abc import Sequence

from bench.tasks.classification.results import Cell
from bench.tasks.summary import Figures, Line, Summary, duration, percent, turned

LOST_BY_ROUNDING = 0.1
"""Share of all samples that are broken only by images with more than 8 bits, from which on a remark is printed."""


def summary(cells: Sequence[Cell], *, eight_bit: bool) -> Summary:
    """Accuracies and gaps by radius, and the samples that each stage broke."""
    remarks = []
    if not eight_bit and any(cell.robust_8bit.value - cell.robust.value >= LOST_BY_ROUNDING for cell in cells):
        remarks.append(
            "8 bits:  many of these images lose their effect as stored pictures; --eight-bit searches among pictures"
        )
    stages = [
        (f"{cell.attack} at {cell.eps_text}, stage by stage", _by_stage(cell)) for cell in cells if len(cell.stages) > 1
    ]
    return Summary(_by_radius(cells), "accuracy in % [95% interval]; gaps are paired, in points", stages, remarks)


def figures(cells: Sequence[Cell]) -> Figures:
    """One row of a table of several models."""
    attacked = {(cell.eps_text, cell.attack): (percent(cell.noise), percent(cell.robust)) for cell in cells}
    return Figures("clean", percent(cells[0].clean), attacked)


def _by_stage(cell: Cell) -> list[Line]:
    """One row per stage that had samples left to attack."""
    return [
        {
            "": stage.name,
            "attempted": str(stage.attempted),
            "broke": str(stage.broken),
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": duration(stage.seconds),
        }
        for stage in cell.stages
        if stage.attempted
    ]


def _by_radius(cells: Sequence[Cell]) -> list[Line]:
    columns: dict[str, Line] = {}
    for cell in cells:
        column = columns.setdefault(cell.eps_text, {})
        column["clean"] = percent(cell.clean)
        column["random noise"] = percent(cell.noise)
        column[f"random noise, worst of {cell.noise_draws}"] = percent(cell.noise_best)
    for cell in cells:
        columns[cell.eps_text][cell.attack] = percent(cell.robust)
    for cell in cells:  # the last cell of a radius is the strongest statement about it
        column = columns[cell.eps_text]
        column[f"{cell.attack}, rounded to 8 bits"] = percent(cell.robust_8bit)
        column["gap: noise - attack"] = percent(cell.gap)
        column["gap: worst noise - attack"] = percent(cell.gap_best)
        column["passes per sample"] = f"{cell.forwards:.1f} + {cell.backwards:.1f}"
    last = cells[-1].attack
    return turned(columns, lambda name: not name.endswith(", rounded to 8 bits") or name.startswith(f"{last},"))
