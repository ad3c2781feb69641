"""``bench report``: pictures and tables from records."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from bench.cli.terminal import say


@click.group()
def report() -> None:
    """Pictures, tables and the site, from records and boards."""


_NAMES = click.option("--name", "names", multiple=True, help="Name to show in place of the model's; once for each record.")


@report.command(short_help="Figures for a paper, from records or a board.")
@click.argument("records", nargs=-1, type=click.Path(path_type=Path))
@click.option("--board", "name", help="BOARD[/vN]: all its current entries instead of RECORDS.")
@_NAMES
@click.option("--measures", is_flag=True, help="Also accuracy over time steps and robustness over energy, by bench measure.")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of boards [default: leaderboards].")
@click.option(
    "--width", type=click.Choice(["column", "page"]), default="column", show_default=True, help="3.25 or 6.75 inches."
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("plots"), show_default=True, help="Folder to fill.")
def plots(
    records: tuple[Path, ...],
    names: tuple[str, ...],
    name: str | None,
    measures: bool,
    root: Path | None,
    width: Literal["column", "page"],
    out: Path,
) -> None:
    """Every figure that RECORDS (folders that bench evaluate wrote) allow, for a paper: PDF, SVG and PNG, and captions.md.

    Accuracy against radius, clean accuracy and noise; gaps; margins; which stage broke what; paired differences to the
    best; of models that score, shifts and SRCC before and after; of models that reconstruct, drops in PSNR. Records made
    with --save-adv also show event recordings and what a spike camera sees.
    """
    from bench.boards.ranking import is_current
    from bench.boards.store import boards_root, open_board
    from bench.evaluation.records.storage import RECORD_FILE, read_record
    from bench.foundation.errors import SpecError
    from bench.studies.measures.attacked import attacked
    from reports.all_figures import draw_all
    from reports.measures import sheets
    from reports.paper_style import COLUMN, PAGE
    from reports.picks import SAVED_FOLDER
    from reports.plots import renamed

    if records and name:
        raise SpecError("Records and a board cannot be drawn together.", "Name either.")
    home = boards_root(root)
    record_list = [read_record(path) for path in records]
    if name:
        entries = open_board(name, home).entries()
        entry_names = [entry.name for entry in entries]
        record_list = [entry.record for entry in entries if is_current(entry.name, entry_names)]
    record_list = renamed(record_list, names)
    measured_sheets = sheets(home) if measures else []
    if not record_list and not measured_sheets:
        raise SpecError("There is nothing to draw.", "Name records, --board BOARD or --measures.")
    folders = [path.parent if path.name == RECORD_FILE else path for path in records]
    saved = {path: record for path, record in zip(folders, record_list, strict=False) if (path / SAVED_FOLDER).is_dir()}
    inches = {"column": COLUMN, "page": PAGE}[width]
    results = attacked(home) if measures else None
    for path in draw_all(record_list, out, measured_sheets, results, saved=saved, width=inches):
        say(f"wrote {path}")


@report.command(short_help="A Markdown table of records.")
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@_NAMES
def table(records: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """A Markdown table of RECORDS: clean, noise and attacks (accuracy, score shift or PSNR) at every radius they share."""
    from bench.evaluation.records.storage import read_record
    from bench.foundation.errors import RecordError
    from reports.plots import check_comparable, renamed
    from reports.tables import comparison_table

    record_list = renamed([read_record(path) for path in records], names)
    check_comparable(record_list, samples=False)
    radii = [list(dict.fromkeys(result.eps_text for result in record.results)) for record in record_list]
    shared = [eps for eps in radii[0] if all(eps in others for others in radii)]
    if not shared:
        raise RecordError("The records share no radius.", "Evaluate them with the same --eps.")
    say(comparison_table(record_list, shared))


@report.command(short_help="Clean, adversarial and difference images of a record.")
@click.argument("records", metavar="RECORD", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--eps", "eps_text", help="Radius, as in the record [default: its largest].")
@click.option("--attack", help="Attack, as in the record [default: its first].")
@click.option("--count", type=click.IntRange(min=1), default=4, show_default=True, help="Worst and best images, of each.")
@click.option("--data", help="Where the clean images are, if the set's name does not say it: folder:PATH.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("gallery.png"), show_default=True, help="PNG or SVG.")
def gallery(
    records: tuple[Path, ...], eps_text: str | None, attack: str | None, count: int, data: str | None, out: Path
) -> None:
    """A contact sheet of RECORD: clean, adversarial, difference, and what the model says, for the worst and best images.

    RECORD is a folder that bench evaluate --save-adv wrote.
    """
    from bench.evaluation.records.storage import RECORD_FILE, read_record
    from bench.foundation.errors import SpecError
    from reports.gallery import contact_sheet
    from reports.picks import choose, radius_of
    from reports.plots import heading, label, save

    if len(records) > 1:  # NAME-* matches several folders if a model was evaluated more than once
        several = ", ".join(str(path) for path in records)
        raise SpecError(f"A gallery shows one record, and {len(records)} were named ({several}).", "Name one of them.")
    (record,) = records
    if out.suffix not in (".png", ".svg"):
        raise SpecError(f"A gallery cannot be written as {out.name}.", "Give --out a name that ends in .png or .svg.")
    opened_record = read_record(record)
    folder = record.parent if record.name == RECORD_FILE else record
    picks = choose(opened_record, folder, eps_text=eps_text, attack=attack, count=count, data=data)
    save(
        contact_sheet(picks, f"{label(opened_record)}: {heading([opened_record])}, at {radius_of(opened_record, eps_text)}"),
        out,
    )
    say(f"wrote {out}")


@report.command(short_help="The leaderboards as a static site.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("site"), show_default=True, help="Folder to fill.")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of boards [default: leaderboards].")
@click.option("--source", default="", metavar="URL", help="Web address of the suite's code, for links to it.")
def site(out: Path, root: Path | None, source: str) -> None:
    """The leaderboards as a static site: open OUT/index.html, or put the folder on any web server."""
    from bench.boards.store import boards_root
    from reports.site.build import build

    for name in build(boards_root(root), out, source=source):
        say(f"wrote {name}")
    say(f"open {out / 'index.html'}")
