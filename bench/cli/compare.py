"""``bench compare``: paired differences between two records, with intervals."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from bench.cli.table import show_table
from bench.cli.terminal import JSON, say_json


@click.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@JSON
def compare(first: Path, second: Path, as_json: bool) -> None:
    """Paired difference FIRST minus SECOND, with its 95% interval, on the samples both records share."""
    from bench.evaluation.records.comparison import compare as paired

    differences = paired(first, second)
    if as_json:
        say_json(json.dumps([asdict(comparison) for comparison in differences], indent=1))
        return
    show_table(
        differences.lines,
        title=f"{first} minus {second}, {differences[0].difference.n} samples",
        right=("first", "second", "difference"),
    )
