"""Paired differences between two records, figure by figure."""

from __future__ import annotations

from dataclasses import dataclass

from bench.metrics.statistics import PairedDifference


@dataclass(frozen=True)
class Comparison:
    """Figure of the first record minus that of the second, paired on their common samples.

    what: ``clean``, ``noise`` or an attack's spec. eps_text: radius, empty for ``clean``. The figure is an accuracy; of
    models that score it is the mean |shift| under noise and attacks, and the rank correlation with the labels if clean.
    """

    what: str
    eps_text: str
    first: float
    second: float
    difference: PairedDifference
