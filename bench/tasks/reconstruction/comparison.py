"""Differences of PSNR between two records of models that reconstruct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.metrics import quality, weighted
from bench.metrics.statistics import PairedDifference
from bench.tasks.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd

FIGURE, FORM, SIGNED = "PSNR (dB)", "z.2f", "+z.2f"
"""The compared figure, and the formats of the figure and of a difference."""


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows on which no stage failed."""
    return rows[(rows["status"] == "ok") & rows["psnr"].notna()]


def compare(both: pd.DataFrame, attack: str, eps_text: str, clean: bool) -> list[Comparison]:
    """Differences of PSNR: clean (if ``clean``), under one draw of noise and under the attack.

    Intervals resample what was sampled independently.
    """
    figures = [("clean", "", "clean_psnr")] if clean else []
    figures += [("noise", eps_text, "noise_1"), (attack, eps_text, "psnr")]
    return [_difference(what, radius, both, column) for what, radius, column in figures]


def _difference(what: str, eps_text: str, both: pd.DataFrame, column: str) -> Comparison:
    first, second = (both[f"{column}_{side}"].to_numpy(float) for side in (1, 2))
    groups = both["group_1"].to_numpy(np.int64)
    estimate = quality.estimate(lambda weights: weighted.mean(first - second, weights), len(both), groups=groups)
    difference = PairedDifference(estimate.value, estimate.low, estimate.high, estimate.n, None)
    return Comparison(what, eps_text, float(first.mean()), float(second.mean()), difference)
