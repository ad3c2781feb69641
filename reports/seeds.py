"""How much of a number is the seed of the training? ``python -m reports.seeds`` measures it, in ``leaderboards/seeds``.

Six recipes of the compact network were trained with three seeds each: seed 0 is the model of the zoo, the others are its
replicas (``zoo/cards/replicas``), which differ from it in nothing else. All are evaluated alike. The table has a row per
network, and :func:`spreads` says per recipe how far its three networks lie apart: a difference between two recipes that is
smaller than that is a difference between trainings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from attacks import STANDARD
from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.memory import keep_freed_memory
from bench.tasks.record import Record
from reports.exit_status import end_with
from reports.growing import Row, write_growing
from zoo.card import card, replicas

WHERE = Path(__file__).resolve().parents[1] / "leaderboards" / "seeds"
RADIUS, SAMPLES, ATTACK = "2/255", 500, "standard"


def recipes() -> dict[str, list[str]]:
    """From the model of the zoo to its replicas with weights, the seeds in order."""
    found: dict[str, list[str]] = {}
    for name in replicas():
        if card(name).weights is not None:
            found.setdefault(name.rpartition("_seed")[0], []).append(name)
    return found


def row(recipe: str, name: str, record: Record) -> Row:
    """Accuracy in percent, without an attack and under it, with the attack's 95% interval."""
    (cell,), weights = record.cells, card(name).weights
    return {
        "recipe": recipe,
        "seed": card(name).training.seed,
        "weights": "" if weights is None else weights.sha256[:12],
        "clean": round(100 * cell.clean.value, 1),
        "attacked": round(100 * cell.robust.value, 1),
        "low": round(100 * cell.robust.low, 1),
        "high": round(100 * cell.robust.high, 1),
        "n": cell.robust.n,
        "set": STANDARD,
    }


def spreads(table: pd.DataFrame) -> pd.DataFrame:
    """Per recipe, the best first: mean, least and largest value over the seeds of ``clean`` and ``attacked``."""
    grouped = table.groupby("recipe")[["clean", "attacked"]].agg(["mean", "min", "max"])
    return grouped.sort_values(("attacked", "mean"), ascending=False).round(1)


def markdown(table: pd.DataFrame) -> str:
    """The spreads as a table for a page."""
    lines = ["| recipe | clean | range | `standard` at 2/255 | range |", "|---|---|---|---|---|"]
    for recipe, values in spreads(table).iterrows():
        cells = [
            f"{values[kind, 'mean']:.1f} | {values[kind, 'min']:.1f} to {values[kind, 'max']:.1f}"
            for kind in ("clean", "attacked")
        ]
        lines.append(f"| `{recipe}` | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> int:
    """Evaluate what has no record yet, and write the table row by row."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=SAMPLES, help=f"test images [{SAMPLES}]")
    n = options.parse_args().n
    keep_freed_memory()
    used: set[str] = set()

    def rows() -> Iterator[Row]:
        for recipe, others in recipes().items():
            for name in (recipe, *others):
                record = evaluate_once(
                    Settings(model=f"zoo:{name}", attack=ATTACK, eps=RADIUS, n=n), WHERE, running_wanted()
                )
                used.add(name_of(record))
                yield row(recipe, name, record)

    write_growing(WHERE / "table.csv", rows(), "{recipe}, seed {seed}: {clean} clean, {attacked} attacked".format_map)
    keep_only(WHERE, lambda name: name in used)
    return 0


if __name__ == "__main__":
    end_with(main)
