"""Statistics of score shifts, on rows whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.foundation.errors import ModelError
from bench.studies.claims.lab import Lab
from bench.studies.claims.shifts import ShiftDifference, ShiftPrediction


class Kept(Lab):
    """Rows that a test made."""

    def rows(self, model: str, **asked: Any) -> pd.DataFrame:
        if model == "decides":
            return pd.DataFrame({"robust": [1.0]})
        rng = np.random.default_rng(0)
        norm = rng.uniform(1, 2, 60)
        size = 0.1 if model == "defended" else 0.3
        frame = pd.DataFrame(
            {
                "sample": range(60),
                "group": np.arange(60) // 5,
                "label": norm,
                "clean": norm,
                "gradient_l1": norm,
                "shift": size * norm * np.where(np.arange(60) % 2, 1, -1),
                "eps": 0.1,
                "status": "ok",
            }
        )
        frame.loc[[3, 7], "status"] = "nan_gradient"
        frame.loc[9, "shift"] = np.nan if model == "defended" else 1.0
        return frame.set_index("sample")


def test_a_difference_is_paired_and_leaves_failures_out() -> None:
    found = ShiftDifference(attack="pgd", eps="1/255", n=60).measure(["defended", "plain"], Kept(Path()))
    norm = np.random.default_rng(0).uniform(1, 2, 60)
    kept = np.delete(norm, [3, 7, 9])
    assert found.n == 57
    assert found.value == pytest.approx((0.1 - 0.3) * kept.mean())
    assert found.low < found.value < found.high < 0
    assert found.parts["plain |shift|"] == pytest.approx(0.3 * kept.mean(), abs=1e-4)
    assert found.parts["plain clean SRCC"] == 1


def test_a_shift_that_follows_the_norm_is_predicted() -> None:
    found = ShiftPrediction(attack="pgd", eps="1/255", n=60).measure(["defended"], Kept(Path()))
    assert (found.value, found.n) == (pytest.approx(1), 57)
    assert found.parts["mean eps * l1 norm"] == pytest.approx(found.parts["mean |shift|"], abs=1e-3)


def test_models_that_decide_have_no_shifts() -> None:
    with pytest.raises(ModelError, match="does not score"):
        ShiftPrediction(attack="pgd", eps="1/255", n=60).measure(["decides"], Kept(Path()))
