"""All figures that can be drawn from records and sheets of measures, written into one folder with their captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.escaping import for_markdown
from bench.foundation.files import atomic_write_text, make_folder
from bench.foundation.threats import threat_registry
from bench.studies.measures.attacked import Results
from bench.studies.measures.sheet import Sheet
from bench.tasks.record import Record
from reports import (
    accuracy_curve,
    accuracy_rows,
    camera_strips,
    correlation,
    event_scatter,
    forest,
    gap_bars,
    margins,
    measures,
    psnr_drops,
    scatter,
    shifts,
    stage_table,
    waterfall,
)
from reports.paper_style import COLUMN, PAGE
from reports.picks import choose
from reports.plots import check_comparable, heading, label, labels, save
from reports.shifts import scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = ("pdf", "svg", "png")
CAPTIONS = "captions.md"
FEW = 4
"""Up to so many records, each gets a waterfall of its own; more share a table."""
CROWD = 8
"""More models than this get a row each in place of a curve."""
COUNTED = ("events", "frames")
"""Units of threats that change whole events."""


@dataclass(frozen=True)
class Drawing:
    """A figure that is not drawn yet.

    name: of its files. draw: makes it, in so many inches of width. caption: what it shows, for a paper. width: set where the
    figure fits no column.
    """

    name: str
    draw: Callable[..., Figure]
    caption: str
    width: float | None = None


def shared_radii(records: Sequence[Record]) -> list[str]:
    """Radii at which all records were attacked, as written in their specs, ascending."""
    sizes = {text: float(eps) for text, eps in records[0].rows[["eps_text", "eps"]].itertuples(index=False, name=None)}
    shared = [text for text in sizes if all(text in set(record.rows["eps_text"]) for record in records)]
    return sorted(shared, key=lambda text: sizes[text])


def drawings(records: Sequence[Record]) -> Iterator[Drawing]:
    """Every figure that the rows of the records allow. Raises ``RecordError`` if the records are not comparable."""
    check_comparable(records)
    of_all = heading(records)
    rated = [record for record in records if scores(record)]
    pictured = [record for record in records if psnr_drops.reconstructs(record)]
    decided = [record for record in records if not (scores(record) or psnr_drops.reconstructs(record))]
    for eps in shared_radii(rated) if rated else []:
        for name, draw, caption in (
            ("score-shifts", shifts.score_shifts, shifts.CAPTION),
            ("srcc", correlation.srcc_before_after, correlation.CAPTION),
        ):
            yield Drawing(f"{name}-{slug(eps)}", partial(draw, rated, eps), f"{caption.format(eps=eps)} ({of_all}.)")
    if pictured:
        yield Drawing("psnr-drops", partial(psnr_drops.psnr_drops, pictured), f"{psnr_drops.CAPTION} ({of_all}.)")
    if not decided:
        return
    if len(decided) <= CROWD:
        yield Drawing("accuracy", partial(accuracy_curve.accuracy_curves, decided), f"{accuracy_curve.CAPTION} ({of_all}.)")
    else:
        yield Drawing("accuracy", partial(accuracy_rows.accuracy_rows, decided), f"{accuracy_rows.CAPTION} ({of_all}.)")
    for eps in shared_radii(decided):
        yield from _at_radius(decided, eps, of_all)


def _at_radius(records: Sequence[Record], eps: str, of_all: str) -> Iterator[Drawing]:
    """The figures of models that decide, at one radius."""
    at = slug(eps)

    def drawing(name: str, draw: Callable[..., Figure], caption: str, width: float | None = None, **words: str) -> Drawing:
        """words: stand in the caption beside the radius. A model's name may hold braces, so it is filled in once."""
        return Drawing(f"{name}-{at}", draw, f"{caption.format(eps=eps, **words)} ({of_all}.)", width)

    yield drawing("robust-vs-clean", partial(scatter.robust_scatter, records, eps), scatter.CAPTION["clean"])
    noisy = partial(scatter.robust_scatter, records, eps, against="noise")
    yield drawing("attack-vs-noise", noisy, scatter.CAPTION["noise"])
    yield drawing("gaps", partial(gap_bars.gap_bars, records, eps), gap_bars.CAPTION)
    yield drawing("margins", partial(margins.margin_histograms, records, eps), margins.CAPTION)
    staged = [record for record in records if stage_table.staged(record, eps)]
    if len(staged) > FEW:
        yield drawing("stages", partial(stage_table.stage_table, staged, eps), stage_table.CAPTION, PAGE)
    for record, name in zip(staged, labels(staged), strict=True) if len(staged) <= FEW else ():
        draw = partial(waterfall.stage_waterfall, record, eps)
        yield drawing(f"stages-{file_name(name)}", draw, waterfall.CAPTION, model=name)
    if len(records) > 1:
        best = labels(forest.best_first(records, eps))[0]
        yield drawing("differences", partial(forest.difference_forest, records, eps), forest.CAPTION, best=best)


def measured_drawings(sheets: Sequence[Sheet], results: Results) -> Iterator[Drawing]:
    """Every figure that sheets of measures and results of the board allow."""
    data = measures.datasets(sheets)
    if any(len(sheet.steps) > 1 for sheet in sheets):
        draw = partial(measures.accuracy_over_steps, sheets)
        yield Drawing("accuracy-vs-steps", draw, measures.STEPS_CAPTION.format(data=data))
    for attack, eps in measures.attacks_of(sheets, results):
        caption = measures.ENERGY_CAPTION.format(data=data, attack=attack, eps=eps)
        draw = partial(measures.robustness_over_energy, sheets, results, attack, eps)
        yield Drawing(f"robustness-vs-energy-{attack}-{slug(eps)}", draw, caption)


def saved_drawings(record: Record, folder: Path) -> Iterator[Drawing]:
    """Figures of the inputs that ``--save-adv`` kept in the ``folder`` of a record: event recordings, scenes of cameras."""
    model, of_all = file_name(label(record)), heading([record])
    of_events = threat_registry.get(record.norm).display_unit in COUNTED
    for eps in shared_radii([record]):
        if of_events and (picks := choose(record, folder, eps_text=eps, count=1)):
            draw = partial(event_scatter.event_scatter, picks)
            yield Drawing(f"events-{model}-{slug(eps)}", draw, f"{event_scatter.CAPTION} ({of_all}.)", PAGE)
        if camera_strips.is_of_a_camera(record):
            draw = partial(camera_strips.camera_strips, record, folder, eps)
            yield Drawing(f"camera-{model}-{slug(eps)}", draw, f"{camera_strips.CAPTION} ({of_all}.)", PAGE)


def draw_all(
    records: Sequence[Record],
    folder: Path,
    measured: Sequence[Sheet] = (),
    results: Results | None = None,
    *,
    saved: Mapping[Path, Record] | None = None,
    width: float = COLUMN,
) -> list[Path]:
    """Write every figure as PDF, SVG and PNG into ``folder``, and their captions beside them; returns the files, in order.

    saved: records with saved inputs, by their folders. width: in inches, of figures that fit a column. Raises
    ``RecordError`` if the records are not comparable.
    """
    planned = [*(drawings(records) if records else ()), *measured_drawings(measured, results or {})]
    for place, record in (saved or {}).items():
        planned += saved_drawings(record, place)
    make_folder(folder)
    written = []
    for drawing in planned:
        figure = drawing.draw(width=drawing.width or width)
        for ending in ENDINGS:
            written.append(folder / f"{drawing.name}.{ending}")
            save(figure, written[-1])
    atomic_write_text(folder / CAPTIONS, captions_text(planned))
    return [*written, folder / CAPTIONS]


def captions_text(planned: Sequence[Drawing]) -> str:
    """The captions as a list in Markdown, which shows names of models as they are."""
    return "".join(f"- **{drawing.name}**: {for_markdown(drawing.caption)}\n" for drawing in planned)


def slug(eps_text: str) -> str:
    """A radius as part of a file name: ``8/255`` is ``8of255``."""
    return eps_text.replace("/", "of").replace("%", "percent")


def file_name(text: str) -> str:
    """A model's name as part of a file name: letters, digits and dots stay, other characters become hyphens."""
    return "-".join("".join(character if character.isalnum() or character in "_." else " " for character in text).split())
