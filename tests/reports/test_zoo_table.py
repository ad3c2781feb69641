"""The whole zoo in one table: numbers of the sheets, best first, odd sample sizes said."""

from __future__ import annotations

import pytest

from bench.foundation.errors import RecordError
from bench.studies.measures.attacked import Attacked
from bench.studies.measures.sheet import Sheet, blank
from bench.tasks.results import Interval
from reports.zoo_table import zoo_table


def interval(value: float, n: int = 300) -> Interval:
    return Interval(value=value, low=max(value - 0.1, 0), high=min(value + 0.1, 1), n=n)


def under(eps: str, value: float, n: int = 300, reliability: str = "reliable") -> Attacked:
    return Attacked("standard", eps, interval(0.7), interval(value, n), reliability)


def sheet(name: str) -> Sheet:
    return blank(name).model_copy(update={"clean": interval(0.812, 10_000)})


def test_the_most_robust_comes_first_and_what_was_not_attacked_last() -> None:
    sheets = [sheet("snn_gn"), sheet("snn_vanilla"), sheet("snn_at")]
    results = {"snn_vanilla": [under("2/255", 0.031)], "snn_at": [under("2/255", 0.352)]}
    lines = zoo_table(sheets, results, ["2/255", "8/255"]).splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == ["zoo:snn_at", "zoo:snn_vanilla", "zoo:snn_gn"]
    assert len({line.count("|") for line in lines}) == 1
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[1:] == ["adversarial training", "81.2", "70.0", "35.2 [25.2, 45.2]", "-", "-"]
    assert lines[-1].count(" - ") == 4


def test_fewer_samples_and_doubts_are_said() -> None:
    results = {name: [under("2/255", 0.3)] for name in ("snn_gn", "snn_at")}
    results["snn_poisson"] = [under("2/255", 0.5, 100, "unreliable")]
    text = zoo_table([sheet(name) for name in results], results, ["2/255"])
    assert "50.0 [40.0, 60.0] (n=100) *unreliable*" in text
    assert "| 70.0 (n=100) |" in text
    assert text.count("n=") == 2


def test_without_sheets_it_says_how_to_get_them() -> None:
    with pytest.raises(RecordError, match="bench measure"):
        zoo_table([], {}, ["2/255"])
