"""Statistics of weighted samples, for many weightings at once.

The weight of a sample is how often a bootstrap resample drew it. Every statistic here takes ``weights`` (R, N) and returns
(R,): the plain statistic of the samples, each repeated by its weight, without a loop over resamples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ones(n: int) -> Floats:
    """Weights (1, n) of 1: every sample once."""
    return np.ones((1, n))


def resamples(groups: NDArray[np.int64], count: int, seed: int) -> Floats:
    """(count, N) weights of bootstrap resamples that draw whole groups with replacement. groups: (N,) labels."""
    _, member = np.unique(groups, return_inverse=True)
    number = int(member.max()) + 1
    draws = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=count)
    return draws[:, member].astype(np.float64)


def mean(values: Floats, weights: Floats) -> Floats:
    """Weighted mean (R,) of ``values`` (N,)."""
    result: Floats = weights @ values / weights.sum(1)
    return result


def deviation(values: Floats, weights: Floats) -> Floats:
    """Standard deviation (R,) of ``values`` (N,), divided by the number of samples, not by one less."""
    centre = mean(values, weights)
    spread: Floats = np.sqrt(np.maximum((weights * (values - centre[:, None]) ** 2).sum(1) / weights.sum(1), 0))
    return spread


def pearson(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Linear correlation (R,); 0 where one side is constant. first, second: (N,), or (R, N) if they differ by weighting."""
    total = weights.sum(1, keepdims=True)
    a = first - (weights * first).sum(1, keepdims=True) / total
    b = second - (weights * second).sum(1, keepdims=True) / total
    scale = np.sqrt((weights * a * a).sum(1) * (weights * b * b).sum(1))
    # For a constant, rounding leaves a deviation of less than 1e-12 of its size.
    floor = 1e-12 * (1 + np.abs(first).max()) * (1 + np.abs(second).max()) * total[:, 0]
    flat = scale <= floor
    return np.where(flat, 0.0, (weights * a * b).sum(1) / np.where(flat, 1.0, scale))


def ranks(values: Floats, weights: Floats) -> Floats:
    """Mean ranks (R, N) of ``values`` (N,) among all samples, each counted by its weight; equal values share a rank."""
    _, place = np.unique(values, return_inverse=True)
    weight_at = np.zeros((len(weights), int(place.max()) + 1))
    np.add.at(weight_at.T, place, weights.T)
    below = np.cumsum(weight_at, 1) - weight_at
    result: Floats = (below + (weight_at + 1) / 2)[:, place]
    return result


def spearman(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Rank correlation (R,) of ``first`` and ``second``, (N,) each."""
    return pearson(ranks(first, weights), ranks(second, weights), weights)


def kendall(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Tau-b (R,) of ``first`` and ``second``, (N,) each; 0 where one is constant. Memory grows with N^2."""
    a, b = (np.sign(values[:, None] - values) for values in (first, second))
    agreed, moved_a, moved_b = (((weights @ pairs) * weights).sum(1) for pairs in (a * b, a * a, b * b))
    scale = np.sqrt(moved_a * moved_b)
    return np.where(scale == 0, 0.0, agreed / np.where(scale == 0, 1.0, scale))


def wasserstein(first: Floats, second: Floats, weights: Floats) -> Floats:
    """First Wasserstein distance (R,) between the distributions of ``first`` and ``second``, both weighted alike."""
    values = np.concatenate([first, second])
    order = np.argsort(values, kind="stable")
    signed = np.concatenate([weights, -weights], 1)[:, order]
    difference = np.abs(np.cumsum(signed, 1)[:, :-1]) / weights.sum(1, keepdims=True)
    result: Floats = difference @ np.diff(values[order])
    return result
