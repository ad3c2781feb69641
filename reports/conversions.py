"""Accuracy of ResNet-20's conversions after each number of steps, beside what papers publish, kept in
``leaderboards/conversions``.

``python -m reports.conversions`` runs every model of :data:`MODELS` on test images of CIFAR-10 and writes ``resnet20.csv``:
accuracy with its 95% interval, and the published one of the same method at the same T where there is one. ``--n`` takes
the first test images instead of all, ``--device cuda`` a GPU. ``make report`` writes the table of docs/zoo.md from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.data import load_samples
from bench.evaluation.request.resolve import device_named
from bench.foundation.errors import RecordError
from bench.metrics.statistics import mean
from bench.studies.measures.accuracy_by_step import accuracy_by_step, calibration
from reports.exit_status import end_with
from reports.growing import Row, write_growing
from zoo.card import card

TABLE = Path(__file__).resolve().parents[1] / "leaderboards" / "conversions" / "resnet20.csv"
AGAIN = "Run: python -m reports.conversions."
TEST_IMAGES = 10_000
STEPS = (1, 2, 4, 8, 16, 32)
"""T after which spiking networks are read."""
NONE = "-"


@dataclass(frozen=True)
class Published:
    """What a paper reports of ResNet-20 with the method of a model.

    steps: T after which the model is read here. accuracy: in %, by T, on CIFAR-10. paper: its authors.
    elsewhere: accuracy in %, by T, on CIFAR-100, of papers that report this network on that set alone.
    source: accuracy in % of the paper's network without spikes from which it converts, on the same set.
    """

    steps: tuple[int, ...]
    accuracy: dict[int, float] = field(default_factory=dict)
    paper: str = ""
    elsewhere: dict[int, float] = field(default_factory=dict)
    source: float | None = None


MODELS: dict[str, Published] = {
    "ann_resnet20": Published((1,)),
    "ann_qcfs_resnet20": Published((1,), {1: 91.77}),
    "ann_nq_resnet20": Published((1,), {1: 85.18}),
    "snn_qcfs_resnet20": Published(STEPS, {2: 73.20, 4: 83.75, 8: 89.55, 16: 91.62, 32: 92.24}, "Bu et al.", source=91.77),
    "snn_nq_resnet20": Published(STEPS, {1: 65.99, 2: 77.30, 4: 84.54, 8: 87.43, 16: 88.26}, "Huang et al.", source=85.18),
    "snn_srp_resnet20": Published(
        STEPS, paper="Hao et al., SRP", elsewhere={1: 46.48, 2: 53.96, 4: 59.34, 8: 62.94}, source=69.94
    ),
    "snn_cos_resnet20": Published(
        STEPS, paper="Hao et al., COS", elsewhere={1: 59.22, 2: 64.21, 4: 65.18, 8: 67.17}, source=69.97
    ),
}
"""Networks without spikes are read at T = 1, their only step. Calibration is not counted in T, as in the papers.
Published rows of NQ, SRP and COS are those of the READMEs of the released codes."""


def rows(n: int = TEST_IMAGES, device: str = "cpu") -> Iterator[Row]:
    """One row per model with weights and T, on the first ``n`` test images."""
    for name, published in MODELS.items():
        weights = card(name).weights
        if weights is None:
            continue
        before = calibration(name)
        rates = accuracy_by_step(name, load_samples(card(name).dataset, n=n), published.steps, device=device)
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
    """The rows of the stored table that were measured on the present weights of their model.

    Raises :class:`~bench.foundation.errors.RecordError` if the table cannot be read.
    """
    try:
        table = pd.read_csv(path)
        present = {name: card(name).weights for name in set(table["model"]) & set(MODELS)}
        hashes = {name: weights.sha256[:12] for name, weights in present.items() if weights is not None}
        return table[table["weights"] == table["model"].map(hashes)].reset_index(drop=True)
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(f"The table {path.name} cannot be read ({error}).", AGAIN) from error


def markdown(path: Path = TABLE) -> str:
    """The table for the page of the zoo: per spiking model what is measured here, and what its paper has, in %.

    A dash stands where nothing was measured on the present weights, or nothing is published.
    """
    table = stored(path)
    keys = [(name, int(steps)) for name, steps in zip(table["model"], table["T"], strict=True)]
    measured = dict(zip(keys, table["accuracy"], strict=True))
    images = dict(zip(table["model"], table["n"], strict=True))
    header = ["network", "whose", "without spikes", *(f"T={steps}" for steps in STEPS)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name, published in MODELS.items():
        described = card(name)
        if described.conversion is None:
            continue
        ours = [measured.get((described.conversion.source, 1)), *(measured.get((name, steps)) for steps in STEPS)]
        theirs_by_step = published.accuracy or published.elsewhere
        theirs = [published.source, *(theirs_by_step.get(steps) for steps in STEPS)]
        whose = published.paper + (" (CIFAR-100)" if published.elsewhere else "")
        here = f"here, {images[name]:,} images" if name in images else "here"
        lines += [_line(f"`zoo:{name}`", here, ours), _line("", whose, theirs)]
    return "\n".join(lines)


def _line(name: str, whose: str, accuracies: list[float | None]) -> str:
    return "| " + " | ".join([name, whose, *(NONE if value is None else f"{value:.2f}" for value in accuracies)]) + " |"


def main() -> int:
    """Measure, and write the table row by row."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=TEST_IMAGES, help="test images")
    options.add_argument("--device", default="cpu", help="cpu or cuda")
    chosen = options.parse_args()
    device_named(chosen.device)
    line_of = "{model} after {T} steps: {accuracy} [{low}, {high}], published {published}".format_map
    write_growing(TABLE, rows(chosen.n, chosen.device), line_of)
    return 0


if __name__ == "__main__":
    end_with(main)
