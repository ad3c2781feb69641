"""``python -m fuzz``: so many inputs, spread over all doors; exit 1 if one fell through."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import torch

from fuzz.doors import DOORS
from fuzz.running import examine, keep, shares

CORPUS = Path(__file__).parent / "corpus"


@click.command()
@click.option("--examples", type=click.IntRange(1), default=10_000, show_default=True, help="Inputs in all.")
@click.option("--seed", "number", type=int, default=0, show_default=True, help="Of all inputs.")
@click.option("--only", multiple=True, type=click.Choice(list(DOORS)), help="Only this door; may be repeated.")
@click.option("--keep/--no-keep", "kept", default=True, show_default=True, help="Write what fell into the corpus.")
def main(examples: int, number: int, only: tuple[str, ...], kept: bool) -> None:
    """Put odd inputs through every door."""
    torch.set_num_threads(1)
    counts = dict.fromkeys(only, max(examples // len(only), 1)) if only else shares(examples)
    fell = 0
    for name, count in counts.items():
        begun = time.monotonic()
        fallen = examine(name, count, number)
        click.echo(f"{name}: {count} inputs, {time.monotonic() - begun:.0f} s, {'fell' if fallen else 'held'}")
        if fallen is not None:
            fell += 1
            where = f", kept as {keep(fallen, CORPUS)}" if kept else ""
            click.echo(f"{fallen.words}\n{name}: {fallen.content[:300]!r}{where}")
    click.echo(f"{sum(counts.values())} inputs through {len(counts)} doors: {fell} doors fell")
    sys.exit(int(fell > 0))


if __name__ == "__main__":
    main()
