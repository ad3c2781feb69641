"""Radii of rows: a share is of the sample, and a number is a number."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.data import load_samples
from bench.foundation.errors import DataError
from bench.tasks.radii import radii

SIMULATED = SimpleNamespace(name="nmnist_sim", split="test", n=3)


def rows(*pairs: tuple[int, float]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["sample", "eps"])


def test_a_share_is_of_the_events_of_its_sample() -> None:
    events = load_samples("nmnist_sim", n=3).images.flatten(1).sum(1).tolist()
    found = radii(rows((2, 0.02), (0, 0.04), (1, 7.0), (0, 0.02)), "events_l0", SIMULATED)
    assert found.tolist() == [events[2] * 2 // 100, events[0] * 4 // 100, 7, events[0] * 2 // 100]


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.03), ("events_l0", 5.0), ("retime_shift", 1.0)])
def test_numbers_need_no_samples(norm: str, eps: float) -> None:
    nowhere = SimpleNamespace(name="nmnist_sim", split="nowhere", n=3)
    assert np.array_equal(radii(rows((0, eps)), norm, nowhere), [eps])


def test_samples_that_are_missing_are_named() -> None:
    with pytest.raises(DataError):
        radii(rows((0, 0.02)), "events_l0", SimpleNamespace(name="nmnist_sim", split="nowhere", n=3))
