"""``bench compare``: is one model more robust than the other, and how sure is that?"""

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
    from bench.evaluation.records.record import read_record

    found = paired(first, second)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    scores = read_record(first).task == "quality"
    plain, signed = ("z.3f", "+z.3f") if scores else ("z.1%", "+z.1%")
    rows = [
        {
            "|shift| (clean: SRCC)" if scores else "accuracy": one.what,
            "eps": one.eps_text,
            "first": f"{one.first:{plain}}",
            "second": f"{one.second:{plain}}",
            "difference": f"{one.difference.value:{signed}}",
            "95% interval": f"[{one.difference.low:{signed}}, {one.difference.high:{signed}}]",
        }
        for one in found
    ]
    show_table(
        rows, title=f"{first} minus {second}, {found[0].difference.n} samples", right=("first", "second", "difference")
    )
