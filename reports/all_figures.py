"""All figures that can be drawn from a set of records and sheets of measures, written into one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.files import make_folder
from bench.studies.measures.attacked import Results
from bench.studies.measures.sheet import Sheet
from bench.tasks.record import Record
from reports.attribution import stage_attribution, staged
from reports.correlation import srcc_before_after
from reports.forest import difference_forest
from reports.measures import accuracy_over_steps, attacks_of, robustness_over_energy
from reports.plots import accuracy_curves, check_comparable, save
from reports.scatter import noise_scatter
from reports.shifts import score_shifts, scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = ("png", "svg")
Draw = Callable[[], "Figure"]


def shared_radii(records: Sequence[Record]) -> list[str]:
    """Radii at which all records were attacked, as written in their specs, ascending."""
    sizes = {text: float(eps) for text, eps in records[0].rows[["eps_text", "eps"]].itertuples(index=False, name=None)}
    shared = [text for text in sizes if all(text in set(record.rows["eps_text"]) for record in records)]
    return sorted(shared, key=lambda text: sizes[text])


def pictures(records: Sequence[Record]) -> Iterator[tuple[str, Draw]]:
    """Name of every figure and the function that draws it. Raises ``RecordError`` if the records are not comparable."""
    check_comparable(records)
    rated = [record for record in records if scores(record)]
    decided = [record for record in records if not scores(record)]
    for eps in shared_radii(rated) if rated else []:
        yield f"score-shifts-{slug(eps)}", partial(score_shifts, rated, eps)
        yield f"srcc-{slug(eps)}", partial(srcc_before_after, rated, eps)
    if not decided:
        return
    yield "accuracy", partial(accuracy_curves, decided)
    for eps in shared_radii(decided):
        yield f"attack-vs-noise-{slug(eps)}", partial(noise_scatter, decided, eps)
        if any(staged(record, eps) for record in decided):
            yield f"stages-{slug(eps)}", partial(stage_attribution, decided, eps)
        if len(decided) > 1:
            yield f"differences-{slug(eps)}", partial(difference_forest, decided, eps)


def measured_pictures(sheets: Sequence[Sheet], results: Results) -> Iterator[tuple[str, Draw]]:
    """Name of every figure that sheets of measures and results of the board allow, and the function that draws it."""
    if any(len(sheet.steps) > 1 for sheet in sheets):
        yield "accuracy-vs-steps", partial(accuracy_over_steps, sheets)
    for attack, eps in attacks_of(sheets, results):
        yield f"robustness-vs-energy-{attack}-{slug(eps)}", partial(robustness_over_energy, sheets, results, attack, eps)


def draw_all(
    records: Sequence[Record], folder: Path, measured: Sequence[Sheet] = (), results: Results | None = None
) -> list[Path]:
    """Write every figure as PNG and SVG into ``folder``; returns the files, in order.

    Raises ``RecordError`` if the records are not comparable.
    """
    make_folder(folder)
    written = []
    for name, draw in (*(pictures(records) if records else ()), *measured_pictures(measured, results or {})):
        figure = draw()
        for ending in ENDINGS:
            written.append(folder / f"{name}.{ending}")
            save(figure, written[-1])
    return written


def slug(eps_text: str) -> str:
    """A radius as part of a file name: ``8/255`` is ``8of255``."""
    return eps_text.replace("/", "of")
