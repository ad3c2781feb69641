"""Statistics of weighted samples, for many weightings at once.

A bootstrap resample is a weighting: how often each sample was drawn. So every statistic here takes ``weights`` (R, N) and
returns (R,), equal to what the plain statistic gives for the samples repeated that often; no loop over resamples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ones(n: int) -> Floats:
    """(1, n): the samples as they are."""
    return np.ones((1, n))


def resamples(groups: NDArray[np.int64], count: int, seed: int) -> Floats:
    """(count, N) weights of bootstrap resamples that draw whole groups with replacement. groups: (N,) labels."""
    _, member = np.unique(groups, return_inverse=True)
    number = int(member.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=count)
    return drawn[:, member].astype(np.float64)


def mean(values: Floats, weights: Floats) -> Floats:
    """(R,)."""
    result: Floats = weights @ values / weights.sum(1)
    return result


def deviation(values: Floats, weights: Floats) -> Floats:
    """Standard deviation (R,), dividing by the number of samples."""
    centre = mean(values, weights)
    spread: Floats = np.sqrt(np.maximum((weights * (values - centre[:, None]) ** 2).sum(1) / weights.sum(1), 0))
    return spread


def pearson(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Linear correlation (R,); 0 where one side is constant. first, second: (N,), or (R, N) if they differ by weighting."""
    total = weights.sum(1, keepdims=True)
    a = first - (weights * first).sum(1, keepdims=True) / total
    b = second - (weights * second).sum(1, keepdims=True) / total
    scale = np.sqrt((weights * a * a).sum(1) * (weights * b * b).sum(1))
    # Of a constant, rounding leaves less than 1e-12 of its size.
    floor = 1e-12 * (1 + np.abs(first).max()) * (1 + np.abs(second).max()) * total[:, 0]
    flat = scale <= floor
    return np.where(flat, 0.0, (weights * a * b).sum(1) / np.where(flat, 1.0, scale))


def ranks(values: Floats, weights: Floats) -> Floats:
    """Mean ranks (R, N) of the samples among all, each counted by its weight; equal values share a rank."""
    _, place = np.unique(values, return_inverse=True)
    at = np.zeros((len(weights), int(place.max()) + 1))
    np.add.at(at.T, place, weights.T)
    below = np.cumsum(at, 1) - at
    result: Floats = (below + (at + 1) / 2)[:, place]
    return result


def spearman(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Rank correlation (R,)."""
    return pearson(ranks(first, weights), ranks(second, weights), weights)


def kendall(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Tau-b (R,); 0 where one side is constant. Takes N^2 memory."""
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
