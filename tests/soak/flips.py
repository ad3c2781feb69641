"""A bit of a finished result is another: the command says so, or leaves what it should."""

from __future__ import annotations

import random

from soak.cases import Outcome, Ready, differences
from soak.children import run


def bitten(made: Ready, number: int) -> Outcome:
    """Flip ``number``; nothing is lost for a scenario without files whose damage must be noticed."""
    chance = random.Random(f"{made.scenario.name} flip {number}")
    with made.copy() as home:
        if run(made.scenario.work, home).status:
            return Outcome(["the command failed undisturbed"])
        files = sorted(path for pattern in made.scenario.damage for path in home.glob(pattern) if path.is_file())
        files = [path for path in files if path.stat().st_size and not path.name.startswith(".")]
        if not files:
            return Outcome([])
        path = chance.choice(files)
        content = bytearray(path.read_bytes())
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        ended = run(made.scenario.work, home)
        where = f"bit {place} of {path.relative_to(home)} -> {ended.status}"
        if not ended.acceptable:
            return Outcome([f"{where}: {ended.words[-1500:]}"])
        wrong = differences(made, home) if ended.status == 0 else []
        return Outcome([f"{where}: {finding}" for finding in wrong])
