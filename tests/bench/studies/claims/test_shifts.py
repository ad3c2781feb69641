"""Statistics of score shifts, on rows whose answers are known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bench.foundation.errors import ModelError
from bench.studies.claims.lab import Lab
from bench.studies.claims.shifts import ClippedShiftDifference, ShiftDifference, ShiftPrediction


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


class Clipped(Lab):
    """Two radii; at the first the scores of ``plain`` leave their range of 0 to 2."""

    def subject(self, model: str) -> Any:
        return SimpleNamespace(score_range=(0.0, 2.0))

    def rows(self, model: str, **asked: Any) -> pd.DataFrame:
        assert asked["eps"] == "1/255,2/255"
        up = np.where(np.arange(20) % 2, 9.0, 0.2) if model == "plain" else np.full(20, 0.1)
        at = pd.DataFrame({"sample": range(20), "group": np.arange(20) // 2, "label": np.arange(20.0), "status": "ok"})
        at = at.assign(clean=1.0 + np.arange(20) / 100, shift=up, score_down=np.nan, eps_text="1/255")
        at = at.assign(score_up=at["clean"] + up)
        return pd.concat([at, at.assign(shift=9.0, eps_text="2/255")]).set_index("sample")


def test_scores_are_clipped_at_the_radius_that_counts() -> None:
    claim = ClippedShiftDifference(attack="standard", eps="1/255,2/255", at="1/255", n=20)
    measured = claim.measure(["defended", "plain"], Clipped(Path()))
    to_the_end = 2.0 - (1.0 + np.arange(1, 20, 2) / 100)
    plain = np.concatenate([to_the_end, np.full(10, 0.2)]).mean() / 2
    assert (measured.n, measured.value) == (20, pytest.approx(0.05 - plain))
    assert measured.parts["plain clipped |shift|"] == pytest.approx(plain, abs=1e-4)


def test_the_radius_that_counts_must_be_measured() -> None:
    with pytest.raises(ValidationError, match="at is one of the radii 1/255,2/255, got 4/255"):
        ClippedShiftDifference(attack="standard", eps="1/255,2/255", at="4/255", n=20)
