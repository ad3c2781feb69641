"""``bench data``: list data sets, fetch them, and print their folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.spikecam import spikecam
from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json

if TYPE_CHECKING:
    from bench.data.plugins import Facts, Fetchable

_ROOT = click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of data sets [default: $BENCH_DATA, or a cache folder]."
)


@click.group()
def data() -> None:
    """Fetch and find data sets."""


data.add_command(spikecam)


@data.command(short_help="List data sets, and which of them are here.")
@_ROOT
@JSON
def ls(root: Path | None, as_json: bool) -> None:
    """List data sets, and which of them are on this machine."""
    from bench.data import data_sets, open_dataset
    from bench.data.plugins import facts_of
    from bench.data.stored import data_root

    sets = [facts_of(name, open_dataset, root) for name in data_sets().names()]
    if as_json:
        say_json(json.dumps([_as_json(facts) for facts in sets], indent=1))
        return
    show_table(
        [_as_row(facts) for facts in sets],
        right=("classes", "train", "val", "test"),
        title=f"in {root or data_root()}",
    )
    for facts in sets:
        if facts.broken:
            say(facts.broken, err=True)


@data.command(short_help="Fetch a data set, or take it over from a copy.")
@click.argument("name")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Your own copy: a folder or an archive.")
@_ROOT
def get(name: str, source: Path | None, root: Path | None) -> None:
    """Fetch NAME, or take it over from a copy, and verify it. Run the same command again to resume."""
    from bench.cli.progress import Transfer

    chosen = _open(name)
    with Transfer() as bar:
        route = chosen.get(root, source=source, progress=bar.show_part)
    say(f"{name} {'was already here' if route is None else f'came from {route}'}: {chosen.where(root)}")


@data.command(short_help="Print the folder that holds a data set.")
@click.argument("name")
@_ROOT
def path(name: str, root: Path | None) -> None:
    """Print the folder that holds NAME."""
    from bench.foundation.errors import DataError

    chosen = _open(name)
    if not chosen.present(root):
        raise DataError(f"{name} is not on this machine.", f"Run `bench data get {name}`.")
    say(chosen.where(root))


def _as_json(facts: Facts) -> dict[str, Any]:
    if facts.broken:
        return {"name": facts.name, "broken": facts.broken}
    fields = ("name", "task", "classes", "shape", "splits", "folder", "shipped", "licence", "citation", "homepage")
    row = {field: getattr(facts, field) for field in fields}
    return row | {"folder": str(facts.folder) if facts.folder else None}


def _as_row(facts: Facts) -> dict[str, str]:
    splits = facts.splits or {}
    sizes = {split: f"{splits[split]:,}" if split in splits else "" for split in ("train", "val", "test")}
    return {
        "data set": facts.name,
        "shape": "x".join(map(str, facts.shape)),
        "classes": "" if facts.broken else str(facts.classes or "scores"),
        **sizes,
        "here": facts.here,
        "licence": facts.licence,
    }


def _open(name: str) -> Fetchable:
    """A data set of the catalogue that can be fetched. Raises ``DataError`` for data of one's own or of a plug-in."""
    from bench.data import BY_PATH, open_dataset
    from bench.data.plugins import Fetchable
    from bench.foundation.errors import DataError

    prefix, _, where = name.partition(":")
    if prefix in BY_PATH:
        fix = f"Use it as it is: bench evaluate --data {prefix}:{where or 'PATH'}"
        raise DataError("Data of your own needs no fetching.", fix)
    chosen = open_dataset(name)
    if not isinstance(chosen, Fetchable):
        raise DataError(f"{name} comes from a plug-in that keeps its own files.", "See the documentation of the plug-in.")
    return chosen
