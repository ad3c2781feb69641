"""Intervals for proportions, means and paired differences, and a bootstrap for other statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, resting on ``n`` samples."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """Wilson's score interval for a proportion (Wilson, 1927). Raises ``ValueError`` for n = 0."""
    _check(successes, n)
    z = float(stats.norm.ppf(0.5 + level / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and n the formula gives exactly 0 and 1 in theory, but floats may be off by an ulp.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(p, low, high, n)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """The exact interval for a proportion (Clopper and Pearson, 1934). Raises ``ValueError`` for n = 0."""
    _check(successes, n)
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(stats.beta.ppf(1 - tail, successes + 1, n - successes))
    return Estimate(successes / n, low, high, n)


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"a proportion needs 0 <= successes <= n and n > 0, got {successes} of {n}")


def mean(values: Floats, level: float = 0.95) -> Estimate:
    """Mean of per-sample values in [0, 1]: Wilson's interval for zeros and ones.

    Rates in between (of stochastic models) vary less than zeros and ones of the same mean, so their interval
    is Student's t, clipped to [0, 1]. values: (n,). Raises ``ValueError`` for n = 0.
    """
    n = len(values)
    if n == 0:
        raise ValueError("the mean of no samples")
    if np.isin(values, (0.0, 1.0)).all():
        return wilson(int(values.sum()), n, level)
    low, high = _student(values, level)
    return Estimate(float(values.mean()), max(0.0, low), min(1.0, high), n)


def mean_interval(values: Floats, level: float = 0.95) -> Estimate:
    """Mean of ``values`` (n,) of any range, with Student's interval. Raises ``ValueError`` for n below 2."""
    if len(values) < 2:
        raise ValueError(f"the interval of a mean needs at least two values, got {len(values)}")
    low, high = _student(values, level)
    return Estimate(float(values.mean()), low, high, len(values))


def _student(values: Floats, level: float) -> tuple[float, float]:
    centre, n = float(values.mean()), len(values)
    if n == 1:
        return -math.inf, math.inf
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * float(values.std(ddof=1)) / math.sqrt(n)
    return centre - half, centre + half


@dataclass(frozen=True)
class PairedDifference:
    """Mean of ``first - second`` over the same samples. p: exact McNemar, None for rates that are not 0 or 1."""

    value: float
    low: float
    high: float
    n: int
    p: float | None


def paired_difference(first: Floats, second: Floats, level: float = 0.95) -> PairedDifference:
    """Difference of two accuracies measured on the same samples; first, second: (n,).

    Zeros and ones: Newcombe's hybrid score interval for paired proportions (Newcombe 1998, method 10)
    and the exact McNemar test. Other rates: Student's t on the differences.
    Raises ``ValueError`` for unequal or no samples.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    n = len(first)
    if n != len(second) or n == 0:
        raise ValueError(f"paired samples must be as many on both sides and at least one, got {n} and {len(second)}")
    value = float(first.mean() - second.mean())
    if not (np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all()):
        low, high = _student(first - second, level)
        return PairedDifference(value, max(-1.0, low), min(1.0, high), n, None)
    both = int(((first == 1) & (second == 1)).sum())
    only_first = int(((first == 1) & (second == 0)).sum())
    only_second = int(((first == 0) & (second == 1)).sum())
    neither = n - both - only_first - only_second
    low, high = _newcombe(both, only_first, only_second, neither, level)
    discordant = only_first + only_second
    p = 1.0 if discordant == 0 else float(stats.binomtest(only_first, discordant, 0.5).pvalue)
    return PairedDifference(value, min(low, value), max(high, value), n, p)


def _newcombe(both: int, only_first: int, only_second: int, neither: int, level: float) -> tuple[float, float]:
    n = both + only_first + only_second + neither
    a, b = wilson(both + only_first, n, level), wilson(both + only_second, n, level)
    product = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    phi = 0.0
    if product:
        determinant = both * neither - only_first * only_second
        # Newcombe's continuity correction applies where the correlation is positive.
        phi = (max(determinant - n / 2, 0.0) if determinant > 0 else determinant) / math.sqrt(product)
    value = a.value - b.value
    below = (a.value - a.low) ** 2 - 2 * phi * (a.value - a.low) * (b.high - b.value) + (b.high - b.value) ** 2
    above = (a.high - a.value) ** 2 - 2 * phi * (a.high - a.value) * (b.value - b.low) + (b.value - b.low) ** 2
    return value - math.sqrt(max(below, 0.0)), value + math.sqrt(max(above, 0.0))


def bootstrap(
    values: Floats,
    statistic: Callable[[Floats], float],
    *,
    groups: NDArray[np.int64] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Percentile bootstrap of ``statistic(values)`` (Efron, 1979), resampling whole groups if given.

    values: ``(n, ...)``. groups: ``(n,)`` labels of independently sampled units (one photograph, say).
    """
    values = np.asarray(values, dtype=float)
    labels = np.arange(len(values)) if groups is None else np.asarray(groups)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    generator = np.random.default_rng(seed)
    resampled = []
    for _ in range(resamples):
        chosen_groups = generator.integers(len(members), size=len(members))
        resampled.append(statistic(values[np.concatenate([members[i] for i in chosen_groups])]))
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(values)), float(low), float(high), len(values))
