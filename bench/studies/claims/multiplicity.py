"""Verdicts corrected for the number of claims, by the method of Holm.

Of many claims that are all on the edge, one in twenty is decided by chance. Holm's method (Scandinavian Journal of
Statistics 6, 1979) keeps the probability that any decision is wrong at 5%, whatever the claims have in common. A decision
that does not survive it becomes ``inconclusive``; no verdict turns into its opposite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from bench.studies.claims.claim import Bound, Claim, Result, Verdict, verdict

LEVEL = 0.05
"""Of all decisions together; one less the level of the intervals."""


@dataclass(frozen=True)
class Corrected:
    """A verdict among ``count`` measured claims. p: of this claim alone; adjusted: Holm's, to compare with 0.05."""

    verdict: Verdict
    p: float
    adjusted: float
    count: int

    @property
    def adjusted_text(self) -> str:
        """The adjusted p value with two digits, as tables and pages show it."""
        return f"{self.adjusted:.2g}"


def p_value(bound: Bound, result: Result) -> float:
    """Two-sided p value of "the statistic lies on the bound", from the 95% interval of the result.

    The half of the interval that faces the bound is taken as that many standard errors as Student's t has at 97.5% with
    ``n - 1`` degrees of freedom. So the p value is below 0.05 exactly where the interval excludes the bound. An interval
    without width has p = 0, or 1 on the bound.
    """
    distance = result.value - bound.value
    half = result.value - result.low if distance > 0 else result.high - result.value
    if distance == 0 or half <= 0:
        return float(distance == 0)
    freedom = max(1, result.n - 1)
    quantile = float(stats.t.ppf(1 - LEVEL / 2, freedom))
    return float(2 * stats.t.sf(abs(distance) / half * quantile, freedom))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: the i-th smallest of m times ``m - i + 1``, never falling, at most 1."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for number, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - number) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def corrected(claims: Mapping[str, Claim]) -> dict[str, Corrected]:
    """The corrected verdict of every claim that has a result, by the name of the claim."""
    results = {name: claim.result for name, claim in claims.items() if claim.result is not None}
    p_values = [p_value(claims[name].holds, result) for name, result in results.items()]
    verdicts = {}
    for (name, result), p, adjusted in zip(results.items(), p_values, holm(p_values), strict=True):
        plain = verdict(claims[name].holds, result.low, result.high)
        verdicts[name] = Corrected(plain if adjusted < LEVEL else "inconclusive", p, adjusted, len(results))
    return verdicts
