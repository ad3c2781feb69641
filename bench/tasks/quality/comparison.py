"""Differences of shifts and correlations between two records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.metrics import quality
from bench.metrics.quality import Statistic
from bench.metrics.statistics import PairedDifference
from bench.metrics.weighted import ones
from bench.tasks.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd

FIGURE, FORM, SIGNED = "|shift| (clean: SRCC)", "z.3f", "+z.3f"
"""The compared figure, and the formats of the figure and of a difference."""


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows on which no stage failed."""
    return rows[(rows["status"] == "ok") & rows["shift"].notna()]


def compare(both: pd.DataFrame, attack: str, eps_text: str, clean: bool) -> list[Comparison]:
    """Differences of clean rank correlation (if ``clean``) and of mean |shift| under noise and under the attack.

    Intervals resample reference photographs.
    """
    groups = both["group_1"].to_numpy("int64")
    scores = [both[f"clean_{side}"].to_numpy(float) for side in (1, 2)]
    noisy = [both[f"noise_1_{side}"].to_numpy(float) for side in (1, 2)]
    attacked = [score + both[f"shift_{side}"].to_numpy(float) for side, score in zip((1, 2), scores, strict=True)]
    compared = []
    if clean:
        labels = both["label_1"].to_numpy(float)
        compared.append(_difference("clean", "", [quality.srcc(score, labels) for score in scores], groups))
    for what, moved_scores in (("noise", noisy), (attack, attacked)):
        sizes = [quality.absolute_shift(score, moved_score) for score, moved_score in zip(scores, moved_scores, strict=True)]
        compared.append(_difference(what, eps_text, sizes, groups))
    return compared


def _difference(what: str, eps_text: str, sides: Sequence[Statistic], groups: NDArray[np.int64]) -> Comparison:
    first, second = (float(side(ones(len(groups)))[0]) for side in sides)
    estimate = quality.estimate(lambda weights: sides[0](weights) - sides[1](weights), len(groups), groups=groups)
    difference = PairedDifference(estimate.value, estimate.low, estimate.high, estimate.n, None)
    return Comparison(what, eps_text, first, second, difference)
