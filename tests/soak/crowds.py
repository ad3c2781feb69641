"""Four writers of one place at once, some of which die."""

from __future__ import annotations

import random

from soak.cases import Outcome, Ready, finishes
from soak.children import Child, found_by
from soak.dying import Death

WRITERS = 4


def crowded(made: Ready, number: int) -> Outcome:
    """Crowd ``number``: each writer ends as a command may, or dies; then the command in peace."""
    chance = random.Random(f"{made.scenario.name} crowd {number}")
    with made.copy() as home:
        deaths = [
            Death(chance.randrange(made.operations), power=False, seed=number) if chance.random() < 0.4 else None
            for _ in range(WRITERS)
        ]
        writers = [Child.start(made.scenario.work, home, death) for death in deaths]
        ended = [writer.wait() for writer in writers]
        how = "; ".join(f"{death or 'none'} -> {end.status}" for death, end in zip(deaths, ended, strict=True))
        kills = sum(end.killed for end in ended)
        if wrong := [end for end in ended if not end.acceptable and not end.killed]:
            return Outcome([f"{how}: {wrong[0].words[-1500:]}"], kills)
        if unsound := found_by(made.scenario.sound, home):
            return Outcome([f"{how}: not sound: {unsound[:3]}"], kills)
        return Outcome([f"{how}: {finding}" for finding in finishes(made, home)], kills)
