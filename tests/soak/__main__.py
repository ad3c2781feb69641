"""``python -m soak``: so many kills, spread over all commands; exit 1 if anything was lost."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import click
import torch

from soak.cases import Outcome, Ready, disturbed, ready
from soak.crowds import crowded
from soak.disks import can_mount, starved
from soak.flips import bitten
from soak.scenario import Scenario
from soak.scenarios import SCENARIOS

Kind = Callable[[Ready, int], Outcome]
KINDS: tuple[Kind, ...] = (*[disturbed] * 7, crowded, starved, bitten)
"""Of ten cases seven are killed, one has four writers at once, one a full disk, one a bit that is another."""
OFTEN = 50
"""Cases between two lines about the progress."""


@dataclass
class Tally:
    """What was done to one command. cases: disturbed commands. kills: processes killed on the way. lost: findings."""

    cases: int = 0
    kills: int = 0
    lost: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more case."""
        self.cases += 1
        self.kills += outcome.kills
        self.lost += len(outcome.lost)


@click.command()
@click.option("--kills", type=click.IntRange(1), default=1000, show_default=True, help="Processes to kill.")
@click.option(
    "--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the first case of each command."
)
@click.option("--only", multiple=True, type=click.Choice(list(SCENARIOS)), help="Only this command; may be repeated.")
def main(kills: int, first: int, only: tuple[str, ...]) -> None:
    """Kill commands, cut their power, starve and damage them, and run them again."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        prepared = [_prepared(SCENARIOS[scenario], Path(name)) for scenario in only or SCENARIOS]
        disks = can_mount(Path(name) / "disk")
        if not disks:
            click.echo("full disks are left out: this user may not mount a file system")
        tallies = {made.scenario.name: Tally() for made in prepared}
        for done, (made, kind, number) in enumerate(_cases(prepared, first, disks=disks), 1):
            tally, outcome = tallies[made.scenario.name], kind(made, number)
            tally.cases, tally.kills, tally.lost = (
                tally.cases + 1,
                tally.kills + outcome.kills,
                tally.lost + len(outcome.lost),
            )
            for loss in outcome.lost:
                click.echo(f"{made.scenario.name}, {kind.__name__} {number}: {loss}")
            killed = sum(tally.kills for tally in tallies.values())
            if done % OFTEN == 0 or killed >= kills:
                lost = sum(tally.lost for tally in tallies.values())
                click.echo(f"{done} cases, {killed} of {kills} kills, {lost} losses, {time.monotonic() - begun:.0f} s")
            if killed >= kills:
                break
    for command, tally in tallies.items():
        click.echo(f"{command:20} {tally.cases:5} cases {tally.kills:5} kills {tally.lost:3} losses")
    sys.exit(int(any(tally.lost for tally in tallies.values())))


def _cases(prepared: list[Ready], first: int, *, disks: bool) -> Iterator[tuple[Ready, Kind, int]]:
    """(command, what is done to it, number of the case) without end; commands take turns."""
    for turn in count():
        for made in prepared:
            kind = KINDS[turn % len(KINDS)]
            if (kind is starved and not disks) or (kind is bitten and not made.scenario.damage):
                kind = disturbed
            yield made, kind, first + turn


def _prepared(scenario: Scenario, folder: Path) -> Ready:
    made = ready(scenario, folder / scenario.name.replace(" ", "_"))
    click.echo(f"{scenario.name}: {made.operations} operations on files, {made.seconds:.2f} s undisturbed")
    return made


if __name__ == "__main__":
    main()
