"""What bounds the rank correlation of the quality models on ``photos``: computed from labels and stored figures alone.

A reader who is told the distortion and its level, and knows the mean score of both on other photographs, sees no pixel of an
image. Its rank correlation says how much of the score these two explain. The rest is how a distortion meets a photograph,
which the scores have from the comparison with the undistorted photograph; a network of this task never sees that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from bench.data import load_samples
from bench.data.photo_plan import plan
from bench.metrics import quality
from bench.metrics.statistics import Floats
from reports import quality_baseline, quality_models

POOR, GOOD = 0.35, 0.75
"""Median SRCC within a distortion below and above which the text names it."""


@dataclass(frozen=True)
class Reader:
    """One who ranks the test images. srcc: with the pseudo-MOS; low, high: its 95% interval over photographs."""

    name: str
    srcc: float
    low: float
    high: float


def from_other_photographs(scores: Floats, keys: Sequence[object], photographs: Sequence[int]) -> Floats:
    """For each image ``(N,)`` the mean of ``scores`` over images with the same key on other photographs.

    Where no other photograph has the key, the mean over all images of other photographs.
    """
    means = np.empty(len(scores))
    other = np.array([[first != second for second in photographs] for first in photographs])
    same = np.array([[first == second for second in keys] for first in keys])
    for image in range(len(scores)):
        alike = other[image] & same[image]
        means[image] = scores[alike if alike.any() else other[image]].mean()
    return means


def readers() -> list[Reader]:
    """Who knows distortion and level, one of them, or the pixels: best network of the zoo, and hand-crafted features."""
    items, scores = plan("test"), load_samples("photos").labels.numpy().astype(np.float64)
    photographs = [item.photo for item in items]
    known: dict[str, list[object]] = {
        "told distortion and level": [(item.kind, item.level) for item in items],
        "told the level alone": [item.level for item in items],
        "told the distortion alone": [item.kind for item in items],
    }
    blind = []
    for name, keys in known.items():
        guesses = from_other_photographs(scores, keys, photographs)
        correlation = quality.estimate(quality.srcc(guesses, scores), len(items), groups=np.array(photographs))
        blind.append(Reader(name, correlation.value, correlation.low, correlation.high))
    models = quality_models.stored()
    best = max(models, key=lambda name: models[name]["srcc"]["value"])
    baseline = quality_baseline.stored()["srcc"]
    return [*blind, _seeing(f"best network, `zoo:{best}`", models[best]["srcc"]), _seeing("hand-crafted features", baseline)]


def _seeing(name: str, figure: dict[str, Any]) -> Reader:
    return Reader(name, figure["value"], figure["low"], figure["high"])


def medians() -> dict[str, float]:
    """Distortion to the median over the networks of SRCC within it, the lowest first."""
    models = quality_models.stored().values()
    kinds = next(iter(models))["srcc_per_kind"]
    values = {kind: median(model["srcc_per_kind"][kind]["value"] for model in models) for kind in kinds}
    return dict(sorted(values.items(), key=lambda pair: pair[1]))


def markdown() -> str:
    """The table for the page on quality, and which distortions the networks rank worst and best."""
    lines = ["| who ranks the 375 test images | SRCC |", "|---|---|"]
    lines += [f"| {each.name} | {each.srcc:.2f} [{each.low:.2f}, {each.high:.2f}] |" for each in readers()]
    within = medians()
    poor = ", ".join(f"{_words(kind)} ({value:.2f})" for kind, value in within.items() if value < POOR)
    good = ", ".join(f"{_words(kind)} ({value:.2f})" for kind, value in within.items() if value > GOOD)
    lines += ["", f"Within a distortion, median of the {len(quality_models.stored())} networks: below {POOR} for {poor};"]
    return "\n".join([*lines, f"above {GOOD} for {good}."])


def _words(kind: str) -> str:
    return kind.replace("_", " ")
