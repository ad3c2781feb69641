"""How far an attack moves a quality score, and how well the attacked scores still agree with people.

All figures are computed from arrays over samples (N,), on one calibrated scale on which higher is better. Statistics take
``weights`` (R, N) and return (R,), see ``weighted.py``; :func:`estimate` turns one into a value with an interval that
resamples reference photographs, because the distorted versions of one photograph are not independent samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics import weighted
from bench.metrics.statistics import Estimate
from bench.metrics.weighted import Floats

Statistic = Callable[[Floats], Floats]
"""Weights (R, N) to values (R,)."""

UNMOVED = 1e-6
"""Added to every shift, in units of the range, in the logarithm of R: a score that does not move counts as 6 at most."""


@dataclass(frozen=True)
class ScoreRange:
    """The ends of the calibrated scale; stored in the card, never refitted on attacked scores."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a score range needs finite ends, low < high, got {self.low} and {self.high}")

    @property
    def width(self) -> float:
        """``high - low``."""
        return self.high - self.low


def estimate(
    statistic: Statistic,
    n: int,
    *,
    groups: NDArray[np.int64] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Value and percentile-bootstrap interval (Efron, 1979).

    groups: (n,) reference photographs, resampled whole; None: every sample is a group. With a single group the spread is
    unknown, and the interval has no width. Raises ``ValueError`` without samples, or with another number of groups.
    """
    labels = np.arange(n) if groups is None else np.asarray(groups)
    if len(labels) != n or n == 0:
        raise ValueError(f"there must be one group for each of at least one sample, got {len(labels)} for {n}")
    resampled = statistic(weighted.resamples(labels, resamples, seed))
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(weighted.ones(n))[0]), float(low), float(high), n)


def signed_shift(clean: Floats, attacked: Floats) -> Statistic:
    """Mean of attacked minus clean scores, (N,) each.

    Raises ``ValueError`` for unequal shapes or values that are not finite.
    """
    shift = _pair(clean, attacked)
    return lambda weights: weighted.mean(shift, weights)


def absolute_shift(clean: Floats, attacked: Floats) -> Statistic:
    """Mean of |attacked - clean|, scores (N,) each. Raises ``ValueError`` as :func:`signed_shift` does."""
    shift = np.abs(_pair(clean, attacked))
    return lambda weights: weighted.mean(shift, weights)


def rms_shift(clean: Floats, attacked: Floats) -> Statistic:
    """Root of the mean squared shift of scores (N,). Raises ``ValueError`` as :func:`signed_shift` does."""
    squared = _pair(clean, attacked) ** 2
    return lambda weights: np.sqrt(weighted.mean(squared, weights))


def in_deviations(statistic: Statistic, clean: Floats) -> Statistic:
    """The statistic in units of the standard deviation of the clean scores (N,).

    Raises ``ValueError`` if these are constant.
    """
    if float(np.ptp(_finite(clean))) == 0:
        raise ValueError("clean scores are constant: their standard deviation is no unit")

    def scaled(weights: Floats) -> Floats:
        unit = weighted.deviation(clean, weights)
        # All scores of a resample may be equal; then the deviation of the whole set is used.
        unit = np.where(unit > 0, unit, clean.std())
        result: Floats = statistic(weights) / unit
        return result

    return scaled


def in_ranges(statistic: Statistic, scale: ScoreRange) -> Statistic:
    """The statistic in units of the score range."""
    return lambda weights: statistic(weights) / scale.width


def robustness(clean: Floats, attacked: Floats, scale: ScoreRange) -> Statistic:
    """R: mean log10 of the largest possible shift over the shift, max(high - s, s - low) / |s' - s|, s clean.

    As in the MSU robustness benchmark, with the clean score in the numerator and 1e-6 of the range added to the shift, so
    that s' = s is finite. 0: scores moved as far as the range allows; below 0: farther. A clean score outside of the
    range counts with its distance to the farther end. Scores (N,) are not clipped. Raises ``ValueError`` as
    :func:`signed_shift` does.
    """
    shift = np.abs(_pair(clean, attacked)) / scale.width
    room = np.maximum(scale.high - clean, clean - scale.low) / scale.width
    logarithms = np.log10(room / (shift + UNMOVED))
    return lambda weights: weighted.mean(logarithms, weights)


def clipped_sizes(clean: Floats, raised: Floats, lowered: Floats, scale: ScoreRange) -> Floats:
    """Per sample the larger of both shifts of scores that are clipped to the range, in units of the range: (N,), 0 to 1.

    raised, lowered: scores attacked upwards and downwards, (N,) each; NaN where no attack went that way. The way of the
    larger clipped shift need not be that of the larger shift: a score that is pushed far beyond an end it was close to has
    hardly moved. Raises ``ValueError`` for unequal shapes, and where a sample has neither.
    """
    ways = [_pair(clean, np.where(np.isnan(moved), clean, moved)) for moved in (raised, lowered)]
    if bool((np.isnan(raised) & np.isnan(lowered)).any()):
        raise ValueError("some samples were attacked neither upwards nor downwards")
    start = np.clip(clean, scale.low, scale.high)
    ends = [np.abs(np.clip(clean + shift, scale.low, scale.high) - start) for shift in ways]
    return np.asarray(np.maximum(*ends) / scale.width, np.float64)


def clipped_shift(clean: Floats, raised: Floats, lowered: Floats, scale: ScoreRange) -> Statistic:
    """Mean of :func:`clipped_sizes`: what an attack changes for whoever reads scores on their scale. Raises as that does."""
    sizes = clipped_sizes(clean, raised, lowered, scale)
    return lambda weights: weighted.mean(sizes, weights)


def moved_across(clean: Floats, attacked: Floats, scale: ScoreRange, share: float) -> Statistic:
    """Share of samples whose score moves by at least ``share`` of the range, scores (N,) unclipped.

    Raises ``ValueError`` as :func:`signed_shift` does.
    """
    far = (np.abs(_pair(clean, attacked)) >= share * scale.width).astype(np.float64)
    return lambda weights: weighted.mean(far, weights)


def flipped_pairs(clean: Floats, raised: Floats, lowered: Floats) -> Statistic:
    """Share of pairs whose order an attacker reverses, who lowers the better image and raises the worse one.

    Scores (N,): clean, attacked upwards and downwards. Pairs of equal clean scores do not count; 0 without other pairs.
    Memory grows with N^2. Raises ``ValueError`` as :func:`signed_shift` does.
    """
    _pair(clean, raised), _pair(clean, lowered)
    ordered = clean[:, None] > clean
    flipped = ordered & (lowered[:, None] < raised)

    def share(weights: Floats) -> Floats:
        pairs, reversed_pairs = (((weights @ which.astype(np.float64)) * weights).sum(1) for which in (ordered, flipped))
        return np.where(pairs == 0, 0.0, reversed_pairs / np.where(pairs == 0, 1.0, pairs))

    return share


def srcc(scores: Floats, reference: Floats) -> Statistic:
    """Spearman's rank correlation of scores and reference, (N,) each; 0 if either is constant."""
    _pair(scores, reference)
    return lambda weights: weighted.spearman(scores, reference, weights)


def plcc(scores: Floats, reference: Floats) -> Statistic:
    """Pearson's linear correlation of scores and reference, (N,) each, without a fitted curve; 0 if either is constant."""
    _pair(scores, reference)
    return lambda weights: weighted.pearson(scores, reference, weights)


def krcc(scores: Floats, reference: Floats) -> Statistic:
    """Kendall's tau-b of scores and reference, (N,) each; 0 if either is constant."""
    _pair(scores, reference)
    return lambda weights: weighted.kendall(scores, reference, weights)


def signed_wasserstein(clean: Floats, attacked: Floats) -> Statistic:
    """Wasserstein distance between the distributions of scores, (N,) each, with the sign of the mean shift."""
    shift = _pair(clean, attacked)
    return lambda weights: np.sign(weighted.mean(shift, weights)) * weighted.wasserstein(clean, attacked, weights)


def zero_gradients(l1_norms: Floats) -> Statistic:
    """Share of samples whose input gradient is exactly 0: no evidence of robustness. l1_norms: (N,)."""
    dead = (_finite(l1_norms) == 0).astype(np.float64)
    return lambda weights: weighted.mean(dead, weights)


def gap(clean: Floats, attacked: Floats, noisy: Floats) -> Statistic:
    """Adversarial-vs-random gap: mean |shift| under attack minus mean |shift| under noise of equal size; scores (N,)."""
    difference = np.abs(_pair(clean, attacked)) - np.abs(_pair(clean, noisy))
    return lambda weights: weighted.mean(difference, weights)


def gap_ratio(clean: Floats, attacked: Floats, noisy: Floats, *, floor: float) -> float | None:
    """Mean |shift| under attack over that under noise; None if noise moves scores by less than ``floor`` on average.

    Scores are (N,). floor: in score units, above 0; below it the ratio would depend more on the noise than on the attack.
    Raises ``ValueError`` for another floor.
    """
    if not floor > 0:
        raise ValueError(f"the floor of a ratio must be above 0, got {floor}")
    random = float(np.abs(_pair(clean, noisy)).mean())
    return None if random < floor else float(np.abs(_pair(clean, attacked)).mean()) / random


def shift_difference(clean: tuple[Floats, Floats], attacked: tuple[Floats, Floats]) -> Statistic:
    """Mean |shift| of the first of two models minus that of the second, paired by sample; each has scores (N,)."""
    first, second = (np.abs(_pair(c, a)) for c, a in zip(clean, attacked, strict=True))
    difference = _pair(second, first)
    return lambda weights: weighted.mean(difference, weights)


def _pair(first: Floats, second: Floats) -> Floats:
    """second - first. Raises ``ValueError`` for arrays that do not fit or are not finite."""
    if np.shape(first) != np.shape(second) or np.ndim(first) != 1 or len(first) == 0:
        raise ValueError(f"scores must be two arrays (N,) of one length, got {np.shape(first)} and {np.shape(second)}")
    return np.asarray(_finite(second) - _finite(first), np.float64)


def _finite(values: Floats) -> Floats:
    if not bool(np.isfinite(values).all()):
        raise ValueError("scores must be finite; leave failed samples out and count them")
    return values
