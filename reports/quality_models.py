"""Figures of the zoo's quality models without an attack, stored in ``leaderboards/quality_baseline/models.json``.

``python -m reports.quality_models`` scores the test images of ``photos`` with every trained quality model and writes, with
95% intervals over reference photographs: SRCC in all and per distortion, and by how much it exceeds that of the
hand-crafted baseline (:mod:`reports.quality_baseline`), paired on the same images.
"""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np

from bench.data import load_samples
from bench.foundation.files import atomic_write_text
from bench.metrics import quality
from bench.metrics.statistics import Floats
from bench.models.opening import open_subject
from bench.models.scorer import Scorer
from reports.exit_status import end_with
from reports.quality_baseline import ROOT, SCORES, figures, rounded
from zoo.card import card, names

RESULT = "models.json"


def subjects() -> list[str]:
    """Names of the quality models that have weights and see the images themselves."""
    cards = (card(name) for name in names())
    return [each.name for each in cards if each.task == "quality" and each.weights is not None and not each.behind_camera]


def measured(name: str, baseline: Floats) -> dict[str, Any]:
    """The figures of one model. baseline: scores (N,) of the hand-crafted baseline on the same images."""
    test = load_samples("photos")
    subject = open_subject(f"zoo:{name}")
    scores = Scorer(subject.deciding, subject.ref).scores(test.images).double().numpy()
    labels = test.labels.numpy().astype(np.float64)
    ours, theirs = quality.srcc(scores, labels), quality.srcc(baseline, labels)
    groups = None if test.groups is None else test.groups.numpy()
    difference = quality.estimate(lambda weights: ours(weights) - theirs(weights), len(test), groups=groups)
    weights = card(name).weights
    return {
        "weights": "" if weights is None else weights.sha256[:12],
        "above_baseline": rounded(difference),
        **figures(scores, test),
    }


def baseline_scores() -> Floats:
    """Scores (N,) of the hand-crafted baseline on the test images."""
    scores: Floats = np.loadtxt(ROOT / SCORES, delimiter=",", skiprows=1)[:, 1]
    return scores


def stored() -> dict[str, Any]:
    """The stored figures, by model."""
    models: dict[str, Any] = json.loads((ROOT / RESULT).read_text(encoding="utf-8"))
    return models


def main() -> int:
    """Score every model, print and store."""
    baseline, models = baseline_scores(), {}
    for name in subjects():
        models[name] = measured(name, baseline)
        srcc, above = models[name]["srcc"], models[name]["above_baseline"]
        click.echo(
            f"{name:18} SRCC {srcc['value']:.3f} [{srcc['low']:.3f}, {srcc['high']:.3f}]"
            f"  above the baseline {above['value']:+.3f} [{above['low']:+.3f}, {above['high']:+.3f}]"
        )
    atomic_write_text(ROOT / RESULT, json.dumps(models, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    end_with(main)
