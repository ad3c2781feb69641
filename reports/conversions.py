"""Accuracy of ResNet-20's conversions after each number of steps, beside what papers publish, kept in
``leaderboards/conversions``.

``python -m reports.conversions`` runs every model of :data:`MODELS` on test images of CIFAR-10 and writes ``resnet20.csv``:
accuracy with its 95% interval, and the published one of the same method at the same T where there is one. ``--n`` takes
the first test images instead of all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.data import load_samples
from bench.foundation.errors import RecordError
from bench.metrics.statistics import mean
from bench.studies.measures.accuracy_by_step import accuracy_by_step, calibration
from reports.exit_status import end_with
from reports.growing import Row, write_growing
from zoo.card import card

TABLE = Path(__file__).resolve().parents[1] / "leaderboards" / "conversions" / "resnet20.csv"
AGAIN = "Run: python -m reports.conversions."
TEST_IMAGES = 10_000


@dataclass(frozen=True)
class Published:
    """steps: T after which a model is read. accuracy: in %, by T, of ResNet-20 on CIFAR-10 in the model's paper."""

    steps: tuple[int, ...]
    accuracy: dict[int, float] = field(default_factory=dict)


MODELS: dict[str, Published] = {
    "ann_resnet20": Published((1,)),
    "ann_qcfs_resnet20": Published((1,), {1: 91.77}),
    "snn_qcfs_resnet20": Published((1, 2, 4, 8, 16, 32), {2: 73.20, 4: 83.75, 8: 89.55, 16: 91.62, 32: 92.24}),
    "snn_srp_resnet20": Published((1, 2, 4, 8)),
    "snn_cos_resnet20": Published((1, 2, 4, 8)),
}
"""The papers on SRP and COS have CIFAR-100 for this network. Networks without spikes are read at T = 1, their only step."""


def rows(n: int = TEST_IMAGES) -> Iterator[Row]:
    """One row per model with weights and T, on the first ``n`` test images."""
    for name, published in MODELS.items():
        weights = card(name).weights
        if weights is None:
            continue
        before = calibration(name)
        rates = accuracy_by_step(name, load_samples(card(name).dataset, n=n), published.steps)
        for steps, answers in zip(published.steps, rates, strict=True):
            accuracy = mean(answers)
            yield {
                "model": name,
                "weights": weights.sha256[:12],
                "T": steps,
                "latency": before + steps,
                "accuracy": round(100 * accuracy.value, 2),
                "low": round(100 * accuracy.low, 2),
                "high": round(100 * accuracy.high, 2),
                "published": published.accuracy.get(steps),
                "n": accuracy.n,
            }


def stored(path: Path = TABLE) -> pd.DataFrame:
    """The stored table. Raises :class:`~bench.foundation.errors.RecordError` if weights of a model have changed since."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise RecordError(f"The table {path.name} cannot be read ({error}).", AGAIN) from error
    for name, weights in zip(table["model"], table["weights"], strict=True):
        present = card(name).weights
        if present is None or not present.sha256.startswith(str(weights)):
            raise RecordError(f"{path.name} was measured on other weights of {name}.", AGAIN)
    return table


def main() -> int:
    """Measure, and write the table row by row."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=TEST_IMAGES, help="test images")
    line_of = "{model} after {T} steps: {accuracy} [{low}, {high}], published {published}".format_map
    write_growing(TABLE, rows(options.parse_args().n), line_of)
    return 0


if __name__ == "__main__":
    end_with(main)
