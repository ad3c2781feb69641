"""What each part of the corner search of version 5 is worth: the table by which it was made.

    python -m reports.corner_searches

The walks of ``standard`` along gradients run on validation images, and each search below then starts on those that stand,
from their best points. They are other images than those of :mod:`reports.leftovers`, which tells how the whole set does.
Writes ``leaderboards/stages/corners.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from reports.growing import write_growing
from reports.stages import WHERE
from reports.trial import Trial

ON = (("snn_trades", "2/255"), ("snn_robust_conversion", "2/255"), ("snn_ttfs", "2/255"))
FIRST = 150
"""The first validation image: those before it belong to :mod:`reports.leftovers`."""
PATH = "assg:half=0.42"
NEVER = "patience=1000"
"""Gives no sample up, where a search has 1,000 forwards."""
SEARCHES = (
    "corners:queries=1000",
    "corners:queries=1000,guided=0",
    f"learning_corners:queries=1000,{NEVER}",
    f"learning_corners:queries=1000,{NEVER},guided=1",
    f"learning_corners:queries=1000,{NEVER},trust=1000",
    f"learning_corners:queries=1000,{NEVER},halving=100000",
    "learning_corners:queries=5000",
)
"""The search of version 4, with the gradient and without; that of version 5 in full; without squares; with the gradient in
place of what is learnt; with moves that stay large; and as long as in ``standard``."""


def rows(name: str, radius: str, n: int, *, first: int = FIRST) -> Iterator[dict[str, object]]:
    """One row per search on this model.

    Columns: right and standing (images), breaks, margin (the mean left, 0 for a broken image), forwards per standing image,
    seconds (of CPU).
    """
    trial = Trial.of(name, radius, n, first=first)
    standing = trial.after([stage for stage in trial.fitting("standard") if not stage.attack.inherits])
    left = trial.among(standing.rows)
    for search in SEARCHES:
        outcome = left.attacked(left.stage(search, PATH), standing.points)
        where = {"model": name, "eps": radius, "right": len(trial.y), "standing": len(left.y), "search": search}
        margin = float(outcome.margin.clamp_max(0).mean())
        spent = {"forwards": round(outcome.forwards / max(len(left.y), 1), 1), "seconds": round(outcome.seconds, 1)}
        yield where | {"breaks": int(outcome.broken.sum()), "margin": round(margin, 4)} | spent


def main() -> None:
    """Run all searches on all models and write the table, row by row."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=100, help="validation images")
    options.add_argument("--model", action="append", default=[], help="name and radius, as snn_at:2/255; may be repeated")
    given = options.parse_args()
    on = [(name, radius) for name, _, radius in (text.partition(":") for text in given.model)] or ON
    every_row = (row for name, radius in on for row in rows(name, radius, given.n))
    line = "{model}, {search}: {breaks} of {standing}, {margin} left, {forwards} forwards in {seconds} s".format_map
    write_growing(WHERE / "corners.csv", every_row, line)


if __name__ == "__main__":
    main()
