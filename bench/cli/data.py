"""``bench data``: which sets are here, fetching them, and where they lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.table import show_table

if TYPE_CHECKING:
    from bench.data.stored import ImageSet

_ROOT = click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of data sets [default: $BENCH_DATA, or a cache folder]."
)


@click.group()
def data() -> None:
    """Fetch and find data sets."""


@data.command()
@_ROOT
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(root: Path | None, as_json: bool) -> None:
    """List data sets, and which of them are on this machine."""
    from bench.data import DATASETS
    from bench.data.stored import data_root

    sets = [_open(name) for name in DATASETS]
    if as_json:
        rows = [
            {
                "name": one.info.name,
                "task": one.info.task,
                "classes": len(one.info.classes),
                "shape": one.info.shape,
                "splits": dict(one.info.splits),
                "folder": str(one.where(root)) if one.present(root) else None,
                "shipped": one.shipped,
                "licence": one.info.licence,
                "citation": one.info.citation,
                "homepage": one.info.homepage,
            }
            for one in sets
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    show_table(
        [
            {
                "data set": one.info.name,
                "shape": "x".join(map(str, one.info.shape)),
                "classes": str(len(one.info.classes) or "scores"),
                "train": f"{one.info.splits['train']:,}",
                "val": f"{one.info.splits['val']:,}",
                "test": f"{one.info.splits['test']:,}",
                "here": _whereabouts(one, root),
                "licence": one.info.licence,
            }
            for one in sets
        ],
        right=("classes", "train", "val", "test"),
        title=f"in {root or data_root()}",
    )


@data.command()
@click.argument("name")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Your own copy: a folder or an archive.")
@_ROOT
def get(name: str, source: Path | None, root: Path | None) -> None:
    """Fetch NAME, or take it over from a copy, and verify it. Run the same command again to resume."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    chosen = _open(name)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        route = chosen.get(root, source=source, progress=show)
    click.echo(f"{name} {'was already here' if route is None else f'came from {route}'}: {chosen.where(root)}")


@data.command()
@click.argument("name")
@_ROOT
def path(name: str, root: Path | None) -> None:
    """Print the folder that holds NAME."""
    from bench.foundation.errors import DataError

    chosen = _open(name)
    if not chosen.present(root):
        raise DataError(f"{name} is not on this machine.", f"Run `bench data get {name}`.")
    click.echo(chosen.where(root))


def _open(name: str) -> ImageSet:
    """A set that is stored under the data root; plug-ins keep their files themselves."""
    from bench.data import DATASETS, open_dataset
    from bench.data.stored import ImageSet
    from bench.foundation.errors import DataError, UnknownNameError

    if name.startswith("folder:"):
        raise DataError("A folder of your own needs no fetching.", f"Use it as it is: bench evaluate --data {name}")
    try:
        chosen = open_dataset(name)
    except UnknownNameError:
        raise UnknownNameError.of("data set", name, list(DATASETS)) from None
    if not isinstance(chosen, ImageSet):
        raise DataError(f"{name} comes from a plug-in that keeps its own files.", "See the documentation of the plug-in.")
    return chosen


def _whereabouts(one: ImageSet, root: Path | None) -> str:
    if one.present(root):
        return "yes"
    return f"{one.shipped:,} of test" if one.shipped else "no"
