from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.metrics import quality, weighted
from bench.metrics.quality import ScoreRange

CLEAN = np.array([0.2, 0.5, 0.9, 0.4])
MOVED = np.array([0.4, 0.5, 0.6, 0.8])
UNIT = ScoreRange(0, 1)


def value(statistic: quality.Statistic, n: int = 4) -> float:
    return float(statistic(weighted.ones(n))[0])


def test_shifts_by_hand() -> None:
    """Shifts are 0.2, 0, -0.3, 0.4."""
    assert value(quality.signed_shift(CLEAN, MOVED)) == pytest.approx(0.3 / 4)
    assert value(quality.absolute_shift(CLEAN, MOVED)) == pytest.approx(0.9 / 4)
    assert value(quality.rms_shift(CLEAN, MOVED)) == pytest.approx((0.29 / 4) ** 0.5)
    in_std = quality.in_deviations(quality.absolute_shift(CLEAN, MOVED), CLEAN)
    assert value(in_std) == pytest.approx(0.225 / CLEAN.std())
    in_range = quality.in_ranges(quality.absolute_shift(CLEAN, MOVED), ScoreRange(-1, 4))
    assert value(in_range) == pytest.approx(0.225 / 5)


def test_robustness_by_hand() -> None:
    """Room is 0.8, 0.5, 0.9, 0.6; the second score stands still."""
    expected = np.mean(np.log10([0.8 / 0.200001, 0.5 / 1e-6, 0.9 / 0.300001, 0.6 / 0.400001]))
    assert value(quality.robustness(CLEAN, MOVED, UNIT)) == pytest.approx(expected)


def test_robustness_is_0_for_the_largest_shift_and_below_for_more() -> None:
    clean = np.array([0.25, 0.75])
    assert value(quality.robustness(clean, np.array([1.0, 0.0]), UNIT), 2) == pytest.approx(0, abs=1e-5)
    assert value(quality.robustness(clean, np.array([7.75, -6.75]), UNIT), 2) == pytest.approx(-1, abs=1e-5)


@given(st.floats(0.1, 50), st.floats(-20, 20))
def test_robustness_and_range_units_do_not_depend_on_the_scale(factor: float, offset: float) -> None:
    scale = ScoreRange(offset, offset + factor)
    clean, moved = (offset + factor * each for each in (CLEAN, MOVED))
    assert value(quality.robustness(clean, moved, scale)) == pytest.approx(
        value(quality.robustness(CLEAN, MOVED, UNIT)), abs=1e-3
    )
    assert value(quality.in_ranges(quality.rms_shift(clean, moved), scale)) == pytest.approx(
        value(quality.rms_shift(CLEAN, MOVED)), abs=1e-9
    )


TIED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=30).filter(
    lambda pairs: all(len(set(side)) > 1 for side in zip(*pairs, strict=True))
)


@settings(max_examples=60)
@given(TIED, st.integers(0, 10_000))
def test_weighted_statistics_are_those_of_repeated_samples(pairs: list[tuple[int, int]], seed: int) -> None:
    """scipy on the samples written out as often as they were drawn, ties included."""
    x, y = np.array(pairs, float).T
    weights = weighted.resamples(np.arange(len(x)), 3, seed)
    for place, row in enumerate(weights):
        a, b = (np.repeat(each, row.astype(int)) for each in (x, y))
        assert weighted.wasserstein(x, y, weights)[place] == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-9)
        assert weighted.deviation(x, weights)[place] == pytest.approx(a.std(), abs=1e-9)
        constant = np.ptp(a) == 0 or np.ptp(b) == 0
        for ours, theirs in (
            (weighted.pearson, stats.pearsonr),
            (weighted.spearman, stats.spearmanr),
            (weighted.kendall, stats.kendalltau),
        ):
            expected = 0.0 if constant else theirs(a, b).statistic
            assert ours(x, y, weights)[place] == pytest.approx(expected, abs=1e-9)


def test_a_constant_score_orders_nothing() -> None:
    constant = np.full(4, 0.1 + 0.2)
    for metric in (quality.srcc, quality.plcc, quality.krcc):
        assert value(metric(constant, MOVED)) == 0


def test_wasserstein_has_the_sign_of_the_shift() -> None:
    assert value(quality.signed_wasserstein(CLEAN, CLEAN - 0.3)) == pytest.approx(-0.3)
    assert value(quality.signed_wasserstein(CLEAN, CLEAN + 0.3)) == pytest.approx(0.3)
    assert value(quality.signed_wasserstein(CLEAN, CLEAN[::-1])) == 0


def test_zero_gradients_gap_and_ratio() -> None:
    assert value(quality.zero_gradients(np.array([0, 1e-30, 0, 2.0]))) == 0.5
    noisy = CLEAN + np.array([0.1, -0.1, 0.1, -0.1])
    assert value(quality.gap(CLEAN, MOVED, noisy)) == pytest.approx(0.225 - 0.1)
    assert quality.gap_ratio(CLEAN, MOVED, noisy, floor=0.05) == pytest.approx(2.25)
    assert quality.gap_ratio(CLEAN, MOVED, noisy, floor=0.11) is None
    with pytest.raises(ValueError, match="floor"):
        quality.gap_ratio(CLEAN, MOVED, noisy, floor=0)


def test_shift_difference_is_paired() -> None:
    found = quality.shift_difference((CLEAN, CLEAN), (MOVED, CLEAN + 0.1))
    assert value(found) == pytest.approx(0.225 - 0.1)


def test_groups_are_drawn_whole() -> None:
    groups = np.array([5, 5, 9, 9, 9, 2])
    weights = weighted.resamples(groups, 50, 0)
    for group in (2, 5, 9):
        assert (np.ptp(weights[:, groups == group], axis=1) == 0).all()
    assert ((weights[:, 0] + weights[:, 2] + weights[:, 5]) == 3).all()
    np.testing.assert_array_equal(weights, weighted.resamples(groups, 50, 0))


def test_an_interval_over_groups_is_as_wide_as_theory_says() -> None:
    """Equal values within 40 groups: the mean's standard error is that of 40 numbers, not of 400."""
    per_group = np.random.default_rng(0).standard_normal(40)
    clean, moved = np.zeros(400), np.repeat(per_group, 10)
    found = quality.estimate(quality.signed_shift(clean, moved), 400, groups=np.repeat(np.arange(40), 10))
    assert found.value == pytest.approx(per_group.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * per_group.std() / 40**0.5, rel=0.08)
    alone = quality.estimate(quality.signed_shift(clean, moved), 400)
    assert alone.high - alone.low < 0.5 * (found.high - found.low)


def test_one_group_has_no_spread() -> None:
    found = quality.estimate(quality.signed_shift(CLEAN, MOVED), 4, groups=np.zeros(4, np.int64))
    assert found.low == pytest.approx(found.value) == pytest.approx(found.high)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        quality.signed_shift(CLEAN, MOVED[:3])
    with pytest.raises(ValueError, match="one length"):
        quality.srcc(CLEAN[:, None], MOVED[:, None])
    with pytest.raises(ValueError, match="finite"):
        quality.absolute_shift(CLEAN, np.array([0.1, np.nan, 0.2, 0.3]))
    with pytest.raises(ValueError, match="constant"):
        quality.in_deviations(quality.signed_shift(CLEAN, MOVED), np.ones(4))
    with pytest.raises(ValueError, match="low < high"):
        ScoreRange(1, 1)
    with pytest.raises(ValueError, match="one group"):
        quality.estimate(quality.signed_shift(CLEAN, MOVED), 4, groups=np.zeros(3, np.int64))


RAISED, LOWERED = np.array([0.7, 2.5, 1.4, 0.5]), np.array([-0.1, 0.3, -0.2, 0.35])


def test_a_clipped_shift_goes_the_way_that_has_room() -> None:
    """Up and down, clipped: 0.5 and 0.2; 0.5 and 0.2; 0.1 and 0.9, though 0.5 upwards unclipped; 0.1 and 0.05."""
    sizes = quality.clipped_sizes(CLEAN, RAISED, LOWERED, UNIT)
    assert sizes == pytest.approx([0.5, 0.5, 0.9, 0.1])
    assert value(quality.clipped_shift(CLEAN, RAISED, LOWERED, UNIT)) == pytest.approx(0.5)
    wide = quality.clipped_sizes(10 * CLEAN - 3, 10 * RAISED - 3, 10 * LOWERED - 3, ScoreRange(-3, 7))
    assert wide == pytest.approx(sizes)


def test_clean_scores_outside_of_the_range_begin_at_its_end() -> None:
    clean, raised, lowered = np.array([1.3, -0.5]), np.array([2.0, 0.25]), np.array([1.1, -0.9])
    assert quality.clipped_sizes(clean, raised, lowered, UNIT) == pytest.approx([0.0, 0.25])


def test_a_way_that_no_attack_went_counts_as_no_shift() -> None:
    nowhere = np.full(4, np.nan)
    assert quality.clipped_sizes(CLEAN, RAISED, nowhere, UNIT) == pytest.approx([0.5, 0.5, 0.1, 0.1])
    with pytest.raises(ValueError, match="neither upwards nor downwards"):
        quality.clipped_sizes(CLEAN, nowhere, nowhere, UNIT)


def test_the_share_that_moves_across_half_of_the_range() -> None:
    """Shifts of 0.55, 2, -1.1 and 0.1."""
    attacked = np.array([0.75, 2.5, -0.2, 0.5])
    assert value(quality.moved_across(CLEAN, attacked, UNIT, 0.5)) == pytest.approx(3 / 4)
    assert value(quality.moved_across(CLEAN, attacked, UNIT, 1)) == pytest.approx(2 / 4)
    assert value(quality.moved_across(CLEAN, attacked, ScoreRange(-2, 2), 1)) == 0


def test_flipped_pairs_are_those_whose_intervals_overlap_by_hand() -> None:
    """In order: 0.9 in [-0.2, 1.4], 0.5 in [0.3, 2.5], 0.4 in [0.35, 0.5], 0.2 in [-0.1, 0.3]: two of six pairs hold."""
    raised, lowered = np.array([0.3, 2.5, 1.4, 0.5]), np.array([-0.1, 0.3, -0.2, 0.35])
    assert value(quality.flipped_pairs(CLEAN, raised, lowered)) == pytest.approx(4 / 6)
    assert value(quality.flipped_pairs(CLEAN, CLEAN, CLEAN)) == 0
    assert value(quality.flipped_pairs(CLEAN, CLEAN + 2, CLEAN - 2)) == 1


def test_pairs_of_equal_scores_are_no_pairs() -> None:
    level = np.full(4, 0.5)
    assert value(quality.flipped_pairs(level, level + 1, level - 1)) == 0
    clean = np.array([0.5, 0.5, 0.6])
    assert value(quality.flipped_pairs(clean, clean + 0.06, clean - 0.06), 3) == 1


@settings(max_examples=30)
@given(TIED, st.integers(0, 10_000))
def test_flipped_pairs_of_repeated_samples(pairs: list[tuple[int, int]], seed: int) -> None:
    """Weights count samples as often as they were drawn."""
    clean, reach = np.array(pairs, float).T
    weights = weighted.resamples(np.arange(len(clean)), 3, seed)
    shares = quality.flipped_pairs(clean, clean + reach, clean - reach)(weights)
    for place, row in enumerate(weights):
        c, r = (np.repeat(each, row.astype(int)) for each in (clean, reach))
        ordered = [(i, j) for i in range(len(c)) for j in range(len(c)) if c[i] > c[j]]
        flipped = sum(c[i] - r[i] < c[j] + r[j] for i, j in ordered)
        assert shares[place] == pytest.approx(flipped / len(ordered) if ordered else 0)
