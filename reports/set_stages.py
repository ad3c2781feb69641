"""What each stage of an attack set breaks of validation images, and what it costs: sets side by side.

    python -m reports.set_stages
    python -m reports.set_stages --attack standard@4 --attack standard --model snn_at:2/255

Each set runs on the same images of the same models, one stage after another on what is left. Seconds are of CPU time, of the
searches alone, and compare within one run only. Writes ``leaderboards/stages/sets.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from reports.growing import rows_of_others, write_growing
from reports.stages import WHERE
from reports.trial import Trial

ON = (
    ("snn_front", "2/255"),
    ("snn_trades", "2/255"),
    ("snn_robust_conversion", "2/255"),
    ("snn_ttfs", "2/255"),
    ("snn_srp", "2/255"),
    ("snn_at_resnet20", "2/255"),
)
SETS = ("standard@4", "standard")


def rows(name: str, radius: str, n: int, sets: tuple[str, ...] = SETS) -> Iterator[dict[str, object]]:
    """One row per set and stage on this model, and a last one of each set with its sums.

    Columns: right (images), attempted, broken, pairs and further forwards per attempted image, seconds.
    """
    trial = Trial.of(name, radius, n)
    for attack in sets:
        runs = trial.after(trial.fitting(attack)).runs
        where = {"model": name, "eps": radius, "right": len(trial.y), "set": attack}
        for run in runs:
            spent = {"pairs": run.pairs / run.attempted, "forwards": run.forwards / run.attempted, "seconds": run.seconds}
            did = {"stage": run.stage, "attempted": run.attempted, "broken": run.broken}
            yield where | did | {key: round(value, 1) for key, value in spent.items()}
        sums = [sum(figures) for figures in zip(*((run.pairs, run.forwards, run.seconds) for run in runs), strict=True)]
        pairs, forwards, seconds = sums
        broken = sum(run.broken for run in runs)
        per_image = {"pairs": pairs / len(trial.y), "forwards": forwards / len(trial.y), "seconds": seconds}
        did = {"stage": "all", "attempted": len(trial.y), "broken": broken}
        yield where | did | {key: round(value, 1) for key, value in per_image.items()}


def main() -> None:
    """Run all sets on all models and write the table, row by row."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=100, help="validation images")
    options.add_argument("--model", action="append", default=[], help="name and radius, as snn_at:2/255; may be repeated")
    options.add_argument("--attack", action="append", default=[], help="a set, as standard@4; may be repeated")
    given = options.parse_args()
    on = [(name, radius) for name, _, radius in (text.partition(":") for text in given.model)] or ON
    every_row = (row for name, radius in on for row in rows(name, radius, given.n, tuple(given.attack) or SETS))
    line = "{model} {set}, {stage}: {broken} of {attempted} in {seconds} s".format_map
    write_growing(WHERE / "sets.csv", every_row, line, rows_of_others(WHERE / "sets.csv", on))


if __name__ == "__main__":
    main()
