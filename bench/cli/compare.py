"""``bench compare``: is each model more robust than the other, and how sure is that?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from bench.cli.table import show_table


@click.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(first: Path, second: Path, as_json: bool) -> None:
    """Paired difference FIRST minus SECOND, with its 95% interval, on the samples both records share."""
    from bench.evaluation.records.comparison import compare as paired
    from bench.evaluation.records.storage import read_record
    from bench.tasks.lookup import task_named

    differences = paired(first, second)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in differences], indent=1))
        return
    rules = task_named(read_record(first).task).comparison
    rows = [
        {
            rules.figure: each.what,
            "eps": each.eps_text,
            "first": f"{each.first:{rules.form}}",
            "second": f"{each.second:{rules.form}}",
            "difference": f"{each.difference.value:{rules.signed}}",
            "95% interval": f"[{each.difference.low:{rules.signed}}, {each.difference.high:{rules.signed}}]",
        }
        for each in differences
    ]
    show_table(
        rows, title=f"{first} minus {second}, {differences[0].difference.n} samples", right=("first", "second", "difference")
    )
