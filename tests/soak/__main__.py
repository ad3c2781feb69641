"""``python -m soak``: so many disturbed commands, spread over all scenarios; exit 1 if anything was lost."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import torch

from soak.cases import Ready, disturbed, ready
from soak.crowds import crowded
from soak.disks import can_mount, starved
from soak.flips import bitten
from soak.scenarios import SCENARIOS, Scenario

KINDS = (*[disturbed] * 7, crowded, starved, bitten)
"""Of ten cases seven are killed, one has four writers at once, one a full disk, one a bit that is another."""


@click.command()
@click.option("--kills", type=click.IntRange(1), default=1000, show_default=True, help="Disturbed commands.")
@click.option(
    "--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the first case of each scenario."
)
@click.option("--only", multiple=True, type=click.Choice(list(SCENARIOS)), help="Only this scenario; may be repeated.")
def main(kills: int, first: int, only: tuple[str, ...]) -> None:
    """Kill commands, cut their power, and run them again."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    counts, findings = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        prepared = [_prepared(SCENARIOS[scenario], Path(name)) for scenario in only or SCENARIOS]
        disks = can_mount(Path(name) / "disk")
        if not disks:
            click.echo("full disks are left out: this user may not mount a file system")
        for number in range(kills):
            made = prepared[number % len(prepared)]
            case = first + number // len(prepared)
            kind = KINDS[number // len(prepared) % len(KINDS)]
            if kind is starved and not disks:
                kind = disturbed
            if kind is bitten and not made.scenario.damage:
                kind = disturbed
            counts[kind.__name__] += 1
            if (number + 1) % 50 == 0:
                click.echo(f"{number + 1} of {kills}, {len(findings)} findings, {time.monotonic() - begun:.0f} s")
            for finding in kind(made, case):
                findings.append(f"{made.scenario.name}, {kind.__name__} {case}: {finding}")
                click.echo(findings[-1])
    click.echo(f"{counts.total()} disturbed commands in {time.monotonic() - begun:.0f} s: {dict(counts)}")
    click.echo(f"{len(findings)} of them lost something" if findings else "nothing was lost")
    sys.exit(int(bool(findings)))


def _prepared(scenario: Scenario, folder: Path) -> Ready:
    made = ready(scenario, folder / scenario.name.replace(" ", "_"))
    click.echo(f"{scenario.name}: {made.operations} operations on files, {made.seconds:.2f} s undisturbed")
    return made


if __name__ == "__main__":
    main()
