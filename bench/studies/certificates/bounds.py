"""The arithmetic of a certificate: from counts of answers under noise to a radius."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from bench.metrics.statistics import Floats, clopper_pearson

ABSTAINED = -1
"""In place of a class, where no class is certain to be the most frequent one."""


def lower_bound(hits: int, draws: int, alpha: float) -> float:
    """A bound that lies below the probability of a hit with confidence ``1 - alpha`` (Clopper and Pearson, one-sided)."""
    return clopper_pearson(hits, draws, level=1 - 2 * alpha).low


def radius(hits: int, draws: int, *, sigma: float, alpha: float) -> float:
    """The l2 radius in which the smoothed model keeps its answer, with confidence ``1 - alpha``; 0 if it abstains.

    Theorem 1 with the second probability bounded by ``1 - p``: ``sigma * Phi^-1(p)`` for a lower bound p above 1/2.
    """
    p = lower_bound(hits, draws, alpha)
    return sigma * float(stats.norm.ppf(p)) if p > 0.5 else 0.0


def largest_radius(draws: int, *, sigma: float, alpha: float) -> float:
    """The radius if every draw is a hit: no certificate of so few draws is larger."""
    return radius(draws, draws, sigma=sigma, alpha=alpha)


def linf_radius(l2: float, dimension: int) -> float:
    """The linf ball that lies in an l2 ball of inputs with ``dimension`` numbers: every entry may move so far."""
    return l2 / math.sqrt(dimension)


def certified_accuracy(right: Floats, radii: Floats, at: float) -> Floats:
    """``(n,)`` of 0 and 1: whether a sample is right, and certified to stay so within ``at``. radii: ``(n,)``, l2."""
    return np.where((right > 0) & (radii >= at) & (radii > 0), 1.0, 0.0)
