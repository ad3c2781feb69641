"""The hand-crafted baseline that a quality model has to beat, kept in ``leaderboards/quality_baseline``.

``python -m reports.quality_baseline`` trains natural-scene statistics and a support-vector regressor on the training
split of ``photos``, chooses C and gamma on validation, scores test once, and writes ``scores.csv`` (one score per test
image) and ``baseline.json`` (SRCC from these scores with 95% intervals over reference photographs, in all and per
distortion). ``--check`` only checks that the two agree with each other and with the shipped test images.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from bench.data import load_samples
from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_write_text, make_folder
from bench.metrics import quality
from bench.metrics.kinds import srcc_per_kind
from bench.metrics.nss import fit_baseline
from bench.metrics.statistics import Estimate, Floats
from reports.exit_status import end_with

if TYPE_CHECKING:
    from bench.data.base import Samples

ROOT = Path(__file__).resolve().parents[1] / "leaderboards" / "quality_baseline"
SCORES, RESULT = "scores.csv", "baseline.json"
DIGITS = 6
"""Decimals of stored scores and figures."""
AGAIN = "Run: python -m reports.quality_baseline."


def run(folder: Path) -> dict[str, Any]:
    """Train the baseline, write both files, and return the content of the second."""
    from sklearn import __version__ as sklearn_version

    splits = {name: load_samples("photos", split=name) for name in ("train", "val", "test")}
    fitted = fit_baseline(splits["train"], splits["val"], splits["test"])
    scores = np.round(fitted.scores, DIGITS)
    method = {
        "features": "BRISQUE, 36 numbers (bench/metrics/nss.py)",
        "regressor": "SVR, RBF kernel, epsilon 0.05, standardised features",
        "C": fitted.chosen[0],
        "gamma": fitted.chosen[1],
        "scikit_learn": sklearn_version,
        "data": {name: {"n": len(part), "sha256": part.sha256()} for name, part in splits.items()},
    }
    result = {"method": method, **figures(scores, splits["test"])}
    make_folder(folder)
    lines = [f"{sample},{score:.{DIGITS}f}" for sample, score in zip(splits["test"].ids.tolist(), scores, strict=True)]
    atomic_write_text(folder / SCORES, "\n".join(("sample,score", *lines)) + "\n")
    atomic_write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")
    return result


def figures(scores: Floats, test: Samples) -> dict[str, Any]:
    """SRCC over all test images and per distortion, from their scores (N,), in a form that JSON can hold."""
    groups = None if test.groups is None else test.groups.numpy()
    labels = test.labels.numpy().astype(np.float64)
    return {
        "srcc": rounded(quality.estimate(quality.srcc(scores, labels), len(test), groups=groups)),
        "srcc_per_kind": {name: rounded(estimate) for name, estimate in srcc_per_kind(scores, test).items()},
    }


def rounded(estimate: Estimate) -> dict[str, Any]:
    """The estimate as a mapping with rounded numbers, for JSON."""
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in asdict(estimate).items()}


def stored(folder: Path = ROOT) -> dict[str, Any]:
    """The stored result. Raises ``RecordError`` if it does not follow from the stored scores and the test set."""
    try:
        result: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        ids, scores = np.loadtxt(folder / SCORES, delimiter=",", skiprows=1, unpack=True)
    except (OSError, ValueError) as error:
        raise RecordError(f"The baseline in {folder} cannot be read ({error}).", AGAIN) from error
    test = load_samples("photos")
    if ids.tolist() != test.ids.tolist() or result["method"]["data"]["test"]["sha256"] != test.sha256():
        raise RecordError(f"The baseline in {folder} was scored on other images.", AGAIN)
    if any(result.get(name) != value for name, value in figures(scores, test).items()):
        raise RecordError(f"The figures of the baseline in {folder} do not follow from its scores.", AGAIN)
    return result


def text(result: dict[str, Any]) -> str:
    """The result as lines: all distortions together, then each, the worst first."""
    kinds = sorted(result["srcc_per_kind"].items(), key=lambda pair: float(pair[1]["value"]))
    named = [("all distortions", result["srcc"]), *kinds]
    return "\n".join(
        f"{name:22} SRCC {figure['value']:6.3f} [{figure['low']:6.3f}, {figure['high']:6.3f}]  n={figure['n']}"
        for name, figure in named
    )


def main(arguments: list[str]) -> int:
    """Fit, store and print; with ``--check`` only check and print the stored result."""
    click.echo(text(stored() if "--check" in arguments else run(ROOT)))
    return 0


if __name__ == "__main__":
    end_with(lambda: main(sys.argv[1:]))
