"""The correction for the number of claims: p values are those of the tests behind the intervals, Holm's step is his."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.metrics.statistics import mean_interval, paired_difference
from bench.studies.claims.claim import Bound, Claim, Result
from bench.studies.claims.multiplicity import corrected, holm, p_value


def result(value: float, low: float, high: float, n: int = 200) -> Result:
    return Result(value=value, low=low, high=high, n=n)


@pytest.mark.parametrize("bound", [0.0, 0.1, -0.2, 1.0])
def test_the_p_value_of_a_mean_is_that_of_students_test(bound: float) -> None:
    values = np.random.default_rng(4).normal(0.2, 1.0, 60)
    interval = mean_interval(values)
    measured = result(interval.value, interval.low, interval.high, 60)
    assert p_value(Bound(side="above", value=bound), measured) == pytest.approx(stats.ttest_1samp(values, bound).pvalue)


@pytest.mark.parametrize("seed", range(8))
def test_p_is_below_5_percent_exactly_where_the_interval_excludes_the_bound(seed: int) -> None:
    draw = np.random.default_rng(seed)
    first, second = (draw.random(150) < rate for rate in (0.5, 0.5 + 0.03 * seed))
    difference = paired_difference(first.astype(float), second.astype(float))
    measured = result(difference.value, difference.low, difference.high, 150)
    excluded = difference.low > 0 or difference.high < 0
    assert (p_value(Bound(side="above"), measured) < 0.05) == excluded


def test_intervals_without_width_decide() -> None:
    assert p_value(Bound(side="above"), result(0.3, 0.3, 0.3)) == 0
    assert p_value(Bound(side="above", value=0.3), result(0.3, 0.3, 0.3)) == 1


def test_holms_values_by_hand() -> None:
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04, which may not fall below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def claim(measured: Result | None, side: str = "above") -> Claim:
    return Claim(
        claim="A beats B.",
        source="A paper",
        models=["no_such_a", "no_such_b"],
        statistic="robust_difference",
        protocol={"n": 5},
        holds=Bound(side=side),  # type: ignore[arg-type]
        result=measured,
    )


def test_a_verdict_on_the_edge_becomes_inconclusive_and_none_turns() -> None:
    edge, sure, against = result(0.1, 0.001, 0.199), result(0.1, 0.08, 0.12), result(-0.1, -0.12, -0.08)
    claims = {"edge": claim(edge), "sure": claim(sure), "against": claim(against), "open": claim(None)}
    alone, among = corrected({"edge": claim(edge)}), corrected(claims)
    assert alone["edge"].verdict == "reproduced" and alone["edge"].adjusted == alone["edge"].p
    assert {name: correction.verdict for name, correction in among.items()} == {
        "edge": "inconclusive" if among["edge"].adjusted >= 0.05 else "reproduced",
        "sure": "reproduced",
        "against": "not reproduced",
    }
    assert among["edge"].count == 3 and among["edge"].adjusted == pytest.approx(among["edge"].p)
    more = claims | {f"noise_{number}": claim(result(0.0, -0.1, 0.1)) for number in range(3)}
    assert corrected(more)["edge"].verdict == "inconclusive"
