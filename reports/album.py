"""Every picture that a set of records allows, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.files import make_folder
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
    """Radii at which every record was attacked, ascending."""
    sizes = {text: float(eps) for text, eps in records[0].rows[["eps_text", "eps"]].itertuples(index=False, name=None)}
    kept = [text for text in sizes if all(text in set(record.rows["eps_text"]) for record in records)]
    return sorted(kept, key=lambda text: sizes[text])


def pictures(records: Sequence[Record]) -> Iterator[tuple[str, Draw]]:
    """Name and drawing of every picture. Raises ``RecordError`` if the records are not comparable."""
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


def measured_pictures(found: Sequence[Sheet]) -> Iterator[tuple[str, Draw]]:
    """Name and drawing of every picture that sheets of measures allow."""
    if any(len(sheet.steps) > 1 for sheet in found):
        yield "accuracy-vs-steps", partial(accuracy_over_steps, found)
    for attack, eps in attacks_of(found):
        yield f"robustness-vs-energy-{attack}-{slug(eps)}", partial(robustness_over_energy, found, attack, eps)


def draw_all(records: Sequence[Record], folder: Path, measured: Sequence[Sheet] = ()) -> list[Path]:
    """Write every picture as PNG and SVG into ``folder``; the files, in order."""
    make_folder(folder)
    written = []
    for name, draw in (*(pictures(records) if records else ()), *measured_pictures(measured)):
        figure = draw()
        for ending in ENDINGS:
            written.append(folder / f"{name}.{ending}")
            save(figure, written[-1])
    return written


def slug(eps_text: str) -> str:
    """A radius as part of a file name: ``8/255`` is ``8of255``."""
    return eps_text.replace("/", "of")
