"""How much of a number is the seed of the training? ``python -m reports.seeds`` measures it, in ``leaderboards/seeds``.

Six recipes of the compact network were trained with three seeds each: seed 0 is the model of the zoo, the others are its
replicas (``zoo/cards/replicas``), which differ from it in nothing else. All are evaluated alike. The table has a row per
network; :func:`spreads` says per recipe how far its three networks lie apart, and :func:`deviations` how far one training
lies from another of its recipe: a difference between two networks that is not much larger is a difference between trainings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.memory import keep_freed_memory
from bench.tasks.record import Record
from reports.exit_status import end_with
from reports.growing import Row, write_growing
from zoo.card import card, replicas

WHERE = Path(__file__).resolve().parents[1] / "leaderboards" / "seeds"
RADIUS, SAMPLES = "2/255", 500
ATTACK = "standard@5"
"""Named with its version, so that the table stays as measured when another set is today's."""


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
        "set": ATTACK,
    }


def spreads(table: pd.DataFrame) -> pd.DataFrame:
    """Per recipe, the best first: mean, least and largest value over the seeds of ``clean`` and ``attacked``."""
    grouped = table.groupby("recipe")[["clean", "attacked"]].agg(["mean", "min", "max"])
    return grouped.sort_values(("attacked", "mean"), ascending=False).round(1)


def deviations(table: pd.DataFrame) -> pd.Series[float]:
    """The standard deviation between seeds of ``clean`` and ``attacked``, pooled over the recipes, in percentage points."""
    grouped = table.groupby("recipe")[["clean", "attacked"]]
    freedom = grouped.count() - 1
    return ((grouped.var() * freedom).sum() / freedom.sum()) ** 0.5


def written() -> pd.DataFrame:
    """The table that was measured last."""
    return pd.read_csv(WHERE / "table.csv")


def markdown(table: pd.DataFrame) -> str:
    """The spreads as a table for a page, and below them the standard deviation between seeds."""
    lines = [f"| recipe | clean | range | `{ATTACK}` at {RADIUS} | range |", "|---|---|---|---|---|"]
    for recipe, values in spreads(table).iterrows():
        cells = [
            f"{values[kind, 'mean']:.1f} | {values[kind, 'min']:.1f} to {values[kind, 'max']:.1f}"
            for kind in ("clean", "attacked")
        ]
        lines.append(f"| `{recipe}` | {cells[0]} | {cells[1]} |")
    deviation = deviations(table)
    lines.append(f"| standard deviation, pooled | {deviation['clean']:.1f} | | {deviation['attacked']:.1f} | |")
    return "\n".join(lines)


def measure(n: int = SAMPLES) -> None:
    """Evaluate what has no record yet on n test images, and write the table row by row."""
    used: set[str] = set()

    def rows() -> Iterator[Row]:
        for recipe, others in recipes().items():
            for name in (recipe, *others):
                asked = Settings(model=f"zoo:{name}", attack=ATTACK, eps=RADIUS, n=n)
                record = evaluate_once(asked, WHERE, running_wanted())
                used.add(name_of(record))
                yield row(recipe, name, record)

    write_growing(WHERE / "table.csv", rows(), "{recipe}, seed {seed}: {clean} clean, {attacked} attacked".format_map)
    keep_only(WHERE, lambda name: name in used)


def main() -> int:
    """Measure on as many images as the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=SAMPLES, help=f"test images [{SAMPLES}]")
    keep_freed_memory()
    measure(options.parse_args().n)
    return 0


if __name__ == "__main__":
    end_with(main)
