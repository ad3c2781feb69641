"""Accuracies from rows alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.metrics import classification as metrics

FIELDS = {
    "clean_correct": 1.0,
    "noise_1": 1.0,
    "noise_k": 1.0,
    "noise_draws": 11,
    "robust": 1.0,
    "robust_8bit": 1.0,
    "status": "ok",
    "unstable": False,
    "forwards": 5,
    "backwards": 4,
    "zero_gradients": 0,
    "attack": "pgd",
}


def table(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows of an ideal model, changed where said; one sample each unless said."""
    filled = [{"sample": i} | FIELDS | row for i, row in enumerate(rows)]
    return pd.DataFrame([{"selection": row["robust"]} | row for row in filled])


BY_HAND = table(
    {},
    {"robust": 0.0, "robust_8bit": 1.0},
    {"robust": 0.0, "robust_8bit": 0.0, "noise_k": 0.0},
    {"robust": 0.0, "robust_8bit": 0.0, "noise_k": 0.0, "noise_1": 0.0},
    {"robust": 0.0, "robust_8bit": 0.0, "noise_k": 0.0, "noise_1": 0.0, "clean_correct": 0.0},
)


def test_by_hand() -> None:
    assert metrics.clean_accuracy(BY_HAND).value == 4 / 5
    assert metrics.noise_accuracy(BY_HAND, which="noise_1").value == 3 / 5
    assert metrics.noise_accuracy(BY_HAND, which="noise_k").value == 2 / 5
    assert metrics.robust_accuracy(BY_HAND).value == 1 / 5
    assert metrics.eight_bit_accuracy(BY_HAND).value == 2 / 5
    assert metrics.gap(BY_HAND, which="noise_1").value == pytest.approx(2 / 5)
    assert metrics.gap(BY_HAND, which="noise_k").value == pytest.approx(1 / 5)
    assert metrics.clean_accuracy(BY_HAND).n == 5


@pytest.mark.parametrize("status", ["attack_error", "nan_gradient", "out_of_ball", "out_of_box"])
def test_undecided(status: str) -> None:
    rows = table({"status": status}, {"status": status, "robust": 0.0}, {}, {"status": status, "robust": 0.3})
    assert metrics.undecided(rows) == 2


def test_worst_case_by_hand() -> None:
    rows = table(
        {"sample": 0},
        {"sample": 1, "robust": 0.0, "robust_8bit": 1.0},
        {"sample": 2, "status": "attack_error"},
        {"sample": 3, "status": "attack_error"},
        {"sample": 0, "attack": "fgsm", "noise_draws": 2, "forwards": 1, "backwards": 1},
        {"sample": 1, "attack": "fgsm", "robust_8bit": 0.0, "unstable": True},
        {"sample": 2, "attack": "fgsm"},
        {"sample": 3, "attack": "fgsm", "robust": 0.0},
    )
    worst = metrics.worst_case(rows).set_index("sample")
    assert worst["robust"].tolist() == [1, 0, 1, 0]
    assert worst["attack"].tolist() == ["pgd", "pgd", "pgd", "fgsm"]
    assert worst["status"].tolist() == ["ok", "ok", "attack_error", "ok"]
    assert worst["robust_8bit"].tolist() == [1, 0, 1, 1]
    assert worst["unstable"].tolist() == [False, True, False, False]
    assert worst["forwards"].tolist() == [6, 10, 10, 10]
    assert worst["backwards"].tolist() == [5, 8, 8, 8]
    assert worst["noise_draws"].tolist() == [11] * 4
    assert metrics.undecided(worst) == 1


rates = st.sampled_from([0.0, 0.3, 1.0])
statuses = st.sampled_from(["ok", "attack_error"])


@st.composite
def several(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of up to three attacks on up to six samples."""
    samples, attacks = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    rows = []
    for attack in range(attacks):
        for sample in range(samples):
            values = {key: draw(rates) for key in ("noise_1", "noise_k", "robust", "robust_8bit")}
            rows.append({"sample": sample, "attack": f"a{attack}", "status": draw(statuses)} | values)
    return table(*rows)


@given(several(), st.randoms(use_true_random=False))
def test_order_does_not_matter(rows: pd.DataFrame, random: np.random.Generator) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = rows.iloc[order]
    assert metrics.undecided(rows) == metrics.undecided(shuffled)
    for metric in (metrics.clean_accuracy, metrics.robust_accuracy, metrics.eight_bit_accuracy):
        first, second = metric(rows), metric(shuffled)
        assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))
    # Which of two equally strong attacks is named depends on their order; nothing else may.
    columns = ["sample", "robust", "robust_8bit", "noise_k", "forwards", "backwards"]
    pd.testing.assert_frame_equal(metrics.worst_case(rows)[columns], metrics.worst_case(shuffled)[columns])


@given(several(), st.integers(0, 6))
def test_shards_of_samples_merge(rows: pd.DataFrame, cut: int) -> None:
    shards = [part for part in (rows[rows["sample"] < cut], rows[rows["sample"] >= cut]) if len(part)]
    merged = pd.concat([metrics.worst_case(part) for part in shards], ignore_index=True)
    pd.testing.assert_frame_equal(merged, metrics.worst_case(rows))
    sums = [metrics.robust_accuracy(part).value * len(part) for part in shards]
    assert sum(sums) == pytest.approx(metrics.robust_accuracy(rows).value * len(rows))


@given(several())
def test_the_worst_case_is_at_most_every_attack(rows: pd.DataFrame) -> None:
    worst = metrics.worst_case(rows).set_index("sample")
    for _, part in rows.groupby("attack"):
        part = part.set_index("sample")
        for column in ("robust", "robust_8bit", "noise_k"):
            assert (worst[column] <= part[column].reindex(worst.index)).all()
    best_possible = rows.groupby("sample")["robust"].min()
    assert (worst["robust"] == best_possible).all()
    failed = rows[rows["status"] != "ok"]["sample"].unique()
    assert metrics.undecided(worst) == sum(best_possible[sample] > 0 for sample in failed)


@given(several())
def test_a_gap_is_a_difference(rows: pd.DataFrame) -> None:
    for which in ("noise_1", "noise_k"):
        found = metrics.gap(rows, which=which)
        noise = metrics.noise_accuracy(rows, which=which)
        assert found.value == pytest.approx(noise.value - metrics.robust_accuracy(rows).value)
        assert found.low - 1e-12 <= found.value <= found.high + 1e-12
        assert found.n == len(rows)
