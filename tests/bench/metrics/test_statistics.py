"""Intervals against scipy, against published examples, against slow formulas and against simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.metrics.statistics import bootstrap, clopper_pearson, mean, paired_difference, wilson

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(counts, levels)
def test_proportions_agree_with_scipy(count: tuple[int, int], level: float) -> None:
    for ours, theirs in ((wilson, "wilson"), (clopper_pearson, "exact")):
        found = ours(*count, level)
        expected = stats.binomtest(*count).proportion_ci(level, method=theirs)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
        assert found.low <= found.value <= found.high
        assert (found.value, found.n) == (count[0] / count[1], count[1])


@pytest.mark.parametrize("count", [(0, 0), (-1, 5), (6, 5)])
def test_no_proportion(count: tuple[int, int]) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="a proportion needs"):
            interval(*count)


def coverage(interval: object, p: float, n: int) -> float:
    """Exact probability that the interval holds ``p``."""
    weights = stats.binom.pmf(np.arange(n + 1), n, p)
    held = [(e := interval(k, n)).low <= p <= e.high for k in range(n + 1)]  # type: ignore[operator]
    return float(weights[held].sum())


def test_coverage_of_proportions() -> None:
    found = [(coverage(wilson, p, 60), coverage(clopper_pearson, p, 60)) for p in np.linspace(0.05, 0.95, 19)]
    assert min(exact for _, exact in found) >= 0.95
    assert np.mean([score for score, _ in found]) == pytest.approx(0.95, abs=0.01)


def pairs(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Zeros and ones with this two-by-two table."""
    one = np.repeat([1.0, 1.0, 0.0, 0.0], [both, first, second, neither])
    two = np.repeat([1.0, 0.0, 1.0, 0.0], [both, first, second, neither])
    return one, two


def newcombe_10(e: int, f: int, g: int, h: int, level: float) -> tuple[float, float]:
    """Method 10 as the paper writes it: lower = D - sqrt(dl1^2 - 2 phi dl1 du2 + du2^2), and so on."""
    n = e + f + g + h

    def score(k: int) -> tuple[float, float]:
        found = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        return found.low, found.high

    p1, p2 = (e + f) / n, (e + g) / n
    (l1, u1), (l2, u2) = score(e + f), score(e + g)
    a, b = (e + f) * (g + h) * (e + g) * (f + h), e * h - f * g
    c = b - n / 2 if b > n / 2 else 0 if b >= 0 else b
    phi = c / math.sqrt(a) if a else 0.0
    below = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    above = (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2
    return p1 - p2 - math.sqrt(below), p1 - p2 + math.sqrt(above)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:2635, method 10.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((36, 14, 0, 0), 0.1528, 0.4167),
        # No discordant pair: the ends of Wilson's interval for 54 of 54.
        ((54, 0, 0, 0), -0.0664, 0.0664),
    ],
)
def test_published_examples(table: tuple[int, int, int, int], low: float, high: float) -> None:
    found = paired_difference(*pairs(*table))
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)


tables = st.tuples(*[st.integers(0, 40)] * 4).filter(any)


@given(tables, levels)
def test_paired_difference_agrees_with_the_paper(table: tuple[int, int, int, int], level: float) -> None:
    one, two = pairs(*table)
    found = paired_difference(one, two, level)
    low, high = newcombe_10(*table, level)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert found.value == pytest.approx((table[1] - table[2]) / sum(table))
    assert found.n == sum(table)


@given(tables, st.randoms(use_true_random=False))
def test_paired_difference_is_antisymmetric_and_blind_to_order(table: tuple[int, int, int, int], random: object) -> None:
    one, two = pairs(*table)
    found, mirrored = paired_difference(one, two), paired_difference(two, one)
    assert (mirrored.value, mirrored.low, mirrored.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert mirrored.p == pytest.approx(found.p)
    order = list(range(len(one)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = paired_difference(one[order], two[order])
    assert (shuffled.value, shuffled.low, shuffled.high) == pytest.approx((found.value, found.low, found.high))


def test_mcnemar() -> None:
    assert paired_difference(*pairs(5, 9, 1, 5)).p == pytest.approx(2 * sum(math.comb(10, k) for k in (0, 1)) / 2**10)
    assert paired_difference(*pairs(5, 0, 0, 5)).p == 1.0
    assert paired_difference(np.array([0.5, 1.0]), np.array([0.0, 1.0])).p is None


def test_coverage_of_paired_differences() -> None:
    generator = np.random.default_rng(0)
    shares = [0.5, 0.2, 0.1, 0.2]
    held = 0
    for _ in range(400):
        found = paired_difference(*pairs(*(int(k) for k in generator.multinomial(80, shares))))
        held += found.low <= shares[1] - shares[2] <= found.high
    assert 0.92 <= held / 400 <= 0.985


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [1.0, 0.0])])
def test_nothing_to_pair(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="paired samples"):
        paired_difference(np.array(first), np.array(second))


def test_means_of_zeros_and_ones_and_of_rates() -> None:
    assert mean(np.array([1.0, 0.0, 1.0])) == wilson(2, 3)
    rates = np.array([0.2, 0.4, 0.9, 1.0])
    found = mean(rates)
    expected = stats.ttest_1samp(rates, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((max(0.0, expected.low), min(1.0, expected.high)))
    assert (found.value, found.n) == (pytest.approx(0.625), 4)
    with pytest.raises(ValueError, match="no samples"):
        mean(np.array([]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval_and_in_the_range(values: list[float]) -> None:
    found = mean(np.array(values))
    assert 0 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_differences_of_rates(values: list[tuple[float, float]]) -> None:
    first, second = np.array(values).T
    found = paired_difference(first, second)
    assert -1 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1


def test_bootstrap() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, 100)
    found = bootstrap(values, lambda v: float(v.mean()), resamples=1000)
    half = 1.96 * values.std() / 10
    assert found.value == values.mean()
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.04)
    assert bootstrap(values, lambda v: float(v.mean()), resamples=50) == bootstrap(
        values, lambda v: float(v.mean()), resamples=50
    )


def test_bootstrap_resamples_whole_groups() -> None:
    """Ten copies of each value are no new evidence: with groups the interval is that of the values alone."""
    values = np.random.default_rng(1).normal(0.0, 1.0, 40)
    copies, groups = np.repeat(values, 10), np.repeat(np.arange(40), 10)

    def width(**options: object) -> float:
        found = bootstrap(copies, lambda v: float(v.mean()), resamples=800, **options)  # type: ignore[arg-type]
        return found.high - found.low

    alone = bootstrap(values, lambda v: float(v.mean()), resamples=800)
    assert width(groups=groups) == pytest.approx(alone.high - alone.low, rel=0.1)
    assert width() < 0.4 * width(groups=groups)


def test_bootstrap_draws_groups_of_unequal_size_whole() -> None:
    values, groups = np.array([0.0, 0.0, 1.0]), np.array([7, 7, 3])
    seen: set[tuple[float, ...]] = set()

    def remember(v: np.ndarray) -> float:
        seen.add(tuple(v))
        return float(v.mean())

    bootstrap(values, remember, groups=groups, resamples=50)
    assert seen == {(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), (1.0, 1.0)}
