"""Differences of accuracies between two records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.metrics.statistics import paired_difference
from bench.tasks.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd

FIGURE, FORM, SIGNED = "accuracy", "z.1%", "+z.1%"
"""The compared figure, and the formats of the figure and of a difference."""


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """All rows: an undecided row counts as standing."""
    return rows


def compare(both: pd.DataFrame, attack: str, eps_text: str, clean: bool) -> list[Comparison]:
    """Differences of accuracy: clean (if ``clean``), under noise and under the attack."""
    figures = [("clean", "", "clean_correct")] if clean else []
    figures += [("noise", eps_text, "noise_1"), (attack, eps_text, "robust")]
    return [_difference(what, eps, both, column) for what, eps, column in figures]


def _difference(what: str, eps_text: str, both: pd.DataFrame, column: str) -> Comparison:
    first, second = both[f"{column}_1"].to_numpy(float), both[f"{column}_2"].to_numpy(float)
    return Comparison(what, eps_text, float(first.mean()), float(second.mean()), paired_difference(first, second))
