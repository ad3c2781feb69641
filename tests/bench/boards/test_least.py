"""The median of the least changes that were seen to break a sample, as boards on events show it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from bench.tasks.classification.board import median_least

WRONG, STANDS = ("clean_wrong", 0.0), ("robust", 9.0)


def record(*samples: list[tuple[str, float]]) -> Any:
    """Verdict and size of the change of each sample at 1%, and then at 2%."""
    rows = [
        {"sample": number, "eps": eps, "eps_text": f"{100 * eps:g}%", "verdict": verdict, "norm_value": norm}
        for number, outcomes in enumerate(samples)
        for eps, (verdict, norm) in zip((0.01, 0.02), outcomes, strict=True)
    ]
    return cast(Any, SimpleNamespace(rows=pd.DataFrame(rows)))


@pytest.mark.parametrize(
    ("samples", "median"),
    [
        ([[WRONG, WRONG], [("broken", 5.0), ("broken", 4.0)], [STANDS, STANDS]], 4.0),
        ([[STANDS, ("broken", 20.0)], [("broken", 7.0), ("broken", 30.0)], [STANDS, ("broken", 21.0)]], 20.0),
        ([[WRONG, WRONG], [WRONG, WRONG], [("broken", 3.0), ("broken", 3.0)]], 0.0),
        ([[STANDS, STANDS], [STANDS, STANDS], [("broken", 3.0), ("broken", 3.0)]], "over 2%"),
    ],
)
def test_the_median_sample_counts(samples: list[list[tuple[str, float]]], median: float | str) -> None:
    assert median_least(record(*samples)) == median
