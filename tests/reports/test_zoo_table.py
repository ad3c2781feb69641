"""The whole zoo in one table: numbers of the sheets, best first, odd sample sizes said."""

from __future__ import annotations

import pytest

from bench.foundation.errors import RecordError
from bench.studies.measures.sheet import Attacked, Sheet, blank
from bench.tasks.results import Interval
from reports.zoo_table import zoo_table


def interval(value: float, n: int = 300) -> Interval:
    return Interval(value=value, low=max(value - 0.1, 0), high=min(value + 0.1, 1), n=n)


def under(attack: str, eps: str, value: float, n: int = 300, reliability: str = "reliable") -> Attacked:
    return Attacked(
        attack=attack,
        eps=eps,
        noise=interval(0.7),
        noise_best=interval(0.6),
        robust=interval(value, n),
        gap=interval(0.7 - value, n),
        reliability=reliability,
        record="r",
    )


def sheet(name: str, *attacked: Attacked) -> Sheet:
    return blank(name).model_copy(update={"clean": interval(0.812, 10_000), "attacked": list(attacked)})


def test_the_most_robust_comes_first_and_what_was_not_measured_last() -> None:
    sheets = [
        sheet("snn_gn"),
        sheet("snn_vanilla", under("standard", "2/255", 0.031)),
        sheet("snn_at", under("quick", "2/255", 0.4, 1000), under("standard", "2/255", 0.352)),
    ]
    lines = zoo_table(sheets, ["2/255", "8/255"]).splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == ["zoo:snn_at", "zoo:snn_vanilla", "zoo:snn_gn"]
    assert len({line.count("|") for line in lines}) == 1
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[1:] == ["adversarial training", "81.2", "70.0", "40.0 [30.0, 50.0]", "35.2 [25.2, 45.2]", "-", "-", "-"]
    assert lines[-1].count(" - ") == 6


def test_fewer_samples_and_doubts_are_said() -> None:
    sheets = [sheet(name, under("standard", "2/255", 0.3)) for name in ("snn_gn", "snn_at")]
    few = sheet("snn_poisson", under("standard", "2/255", 0.5, 100, "unreliable"))
    text = zoo_table([*sheets, few], ["2/255"])
    assert "50.0 [40.0, 60.0] (n=100) *unreliable*" in text
    assert "| 70.0 (n=100) |" in text
    assert text.count("n=") == 2


def test_without_sheets_it_says_how_to_get_them() -> None:
    with pytest.raises(RecordError, match="bench measure"):
        zoo_table([], ["2/255"])
