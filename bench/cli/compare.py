"""``bench compare``: paired differences between two records, with intervals."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from bench.cli.table import show_table
from bench.cli.terminal import JSON, say_json


@click.command()
@click.argument("records", metavar="FIRST SECOND", nargs=-1, required=True, type=click.Path(path_type=Path))
@JSON
def compare(records: tuple[Path, ...], as_json: bool) -> None:
    """Paired difference FIRST minus SECOND, with its 95% interval, on the samples both records share."""
    from bench.evaluation.records.comparison import compare as paired
    from bench.foundation.errors import SpecError

    if len(records) != 2:  # NAME-* matches several folders if a model was evaluated more than once
        named = ", ".join(map(str, records))
        raise SpecError(
            f"Two records are compared, and {len(records)} were named ({named}).",
            "Name two; bench ls records says which is which.",
        )
    first, second = records
    differences = paired(first, second)
    if as_json:
        say_json(json.dumps([asdict(comparison) for comparison in differences], indent=1))
        return
    show_table(
        differences.lines,
        title=f"{first} minus {second}, {differences[0].difference.n} samples",
        right=("first", "second", "difference"),
    )
