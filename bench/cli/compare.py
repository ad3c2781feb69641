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
    from bench.comparison import compare as paired

    found = paired(first, second)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    rows = [
        {
            "accuracy": one.what,
            "eps": one.eps_text,
            "first": f"{100 * one.first:.1f}%",
            "second": f"{100 * one.second:.1f}%",
            "difference": f"{100 * one.difference.value:+.1f}",
            "95% interval": f"[{100 * one.difference.low:+.1f}, {100 * one.difference.high:+.1f}]",
        }
        for one in found
    ]
    show_table(
        rows, title=f"{first} minus {second}, {found[0].difference.n} samples", right=("first", "second", "difference")
    )
