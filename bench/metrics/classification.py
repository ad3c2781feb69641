"""Accuracies and gaps, computed from rows alone.

The denominator is always the whole set: a sample that is wrong without any perturbation is
not robust. The columns of rows are those of :func:`bench.tasks.classification.results.assemble`; rates are 0 or 1 for
deterministic models and in between for stochastic ones.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from bench.metrics.statistics import Estimate, mean, paired_difference

Noise = Literal["noise_1", "noise_k"]


def clean_accuracy(rows: pd.DataFrame) -> Estimate:
    """Share of samples that are right without perturbation."""
    return mean(rows["clean_correct"].to_numpy(float))


def noise_accuracy(rows: pd.DataFrame, *, which: Noise) -> Estimate:
    """Share that is right under one uniform draw (``noise_1``), or without noise and under all of K draws (``noise_k``)."""
    return mean(rows[which].to_numpy(float))


def robust_accuracy(rows: pd.DataFrame) -> Estimate:
    """Share that is right under the attack."""
    return mean(rows["robust"].to_numpy(float))


def eight_bit_accuracy(rows: pd.DataFrame) -> Estimate:
    """Share that is right under the attack after rounding to 8 bits."""
    return mean(rows["robust_8bit"].to_numpy(float))


def gap(rows: pd.DataFrame, *, which: Noise) -> Estimate:
    """Adversarial-vs-random gap: noise accuracy minus robust accuracy, paired by sample."""
    difference = paired_difference(rows[which].to_numpy(float), rows["robust"].to_numpy(float))
    return Estimate(difference.value, difference.low, difference.high, difference.n)


def undecided(rows: pd.DataFrame) -> int:
    """Number of rows that stand although a stage failed on them, which is no evidence of robustness."""
    return int(((rows["status"] != "ok") & (rows["selection"] > 0)).sum())


def worst_case(rows: pd.DataFrame) -> pd.DataFrame:
    """Per sample, the row of the attack with the lowest rate of right answers (the first such row, if several).

    rows: several attacks at one radius. Costs are summed. A sample that still stands is undecided if any stage failed on
    it. The best-of-K noise is that of the largest K.
    """
    order = {attack: number for number, attack in enumerate(pd.unique(rows["attack"]))}
    ranked = rows.assign(_order=rows["attack"].map(order)).sort_values(["sample", "selection", "_order"], kind="stable")
    grouped = ranked.groupby("sample", sort=True)
    worst = grouped.head(1).set_index("sample").drop(columns="_order")
    summed = dict.fromkeys(("forwards", "backwards", "zero_gradients"), "sum")
    for column, how in {**summed, "unstable": "max", "robust_8bit": "min"}.items():
        worst[column] = grouped[column].agg(how)
    worst["noise_k"] = grouped["noise_k"].min()
    worst["noise_draws"] = grouped["noise_draws"].max()
    failed = ranked[ranked["status"] != "ok"].groupby("sample")["status"].first()
    standing = worst["selection"] > 0
    worst.loc[standing, "status"] = failed.reindex(worst.index[standing]).fillna("ok")
    return worst.reset_index()
