"""``bench report``: pictures and tables from records."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def report() -> None:
    """Draw plots from records."""


@report.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("accuracy.png"), show_default=True, help="PNG or SVG file."
)
def plots(records: tuple[Path, ...], out: Path) -> None:
    """Accuracy against radius for RECORDS (folders that bench evaluate wrote), under attack and under noise."""
    from bench.errors import StorageError
    from bench.record import read_record
    from reports.plots import accuracy_curves, save

    if out.suffix not in (".png", ".svg"):
        raise StorageError(f"{out} is neither a .png nor a .svg.", "Choose one of these endings.")
    save(accuracy_curves([read_record(path) for path in records]), out)
    click.echo(f"wrote {out}")


@report.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
def table(records: tuple[Path, ...]) -> None:
    """A Markdown table of RECORDS: clean, noise, attack and gap at every radius they share."""
    from bench.errors import RecordError
    from bench.record import read_record
    from reports.tables import robustness_table

    read = [read_record(path) for path in records]
    shared = [c.eps_text for c in read[0].cells if all(c.eps_text in {d.eps_text for d in r.cells} for r in read)]
    if not shared:
        raise RecordError("The records share no radius.", "Evaluate them with the same --eps.")
    click.echo(robustness_table(read, list(dict.fromkeys(shared))))
