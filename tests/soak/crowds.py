"""Four writers of one place at once, some of which die."""

from __future__ import annotations

import random

from soak.cases import Ready, finishes
from soak.children import Child, found_by
from soak.dying import Death

WRITERS = 4


def crowded(made: Ready, number: int) -> list[str]:
    """Findings of crowd ``number``: each writer ends as a command may, or dies; then the command in peace."""
    chance = random.Random(f"{made.scenario.name} crowd {number}")
    with made.copy() as home:
        deaths = [
            Death(chance.randrange(made.operations), power=False, seed=number) if chance.random() < 0.4 else None
            for _ in range(WRITERS)
        ]
        writers = [Child.start(made.scenario.work, home, death) for death in deaths]
        ended = [writer.wait() for writer in writers]
        how = "; ".join(f"{death or 'none'} -> {end.status}" for death, end in zip(deaths, ended, strict=True))
        if wrong := [end for end in ended if not end.acceptable and not end.killed]:
            return [f"{how}: {wrong[0].words[-1500:]}"]
        if wrong_parts := found_by(made.scenario.sound, home):
            return [f"{how}: not sound: {wrong_parts[:3]}"]
        return [f"{how}: {finding}" for finding in finishes(made, home)]
