"""Tables hold the numbers of the records, in the order given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from bench.tasks.results import Interval
from bench.tasks.summary import decimal, percent
from reports.plots import labels, renamed
from reports.tables import comparison_table

Make = Callable[..., Record]


def test_one_row_per_record_one_group_of_columns_per_radius(record: Make) -> None:
    first, second = record(), record(bias=0.05, n=30)
    lines = comparison_table([first, second], ["0.01", "0.1"]).splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {8}
    cell = second.results[1]
    assert cell.eps_text == "0.1"
    assert lines[3].split(" | ")[-2:] == [percent(cell.noise), f"{percent(cell.robust)} |"]
    assert [line.split(" | ")[1] for line in lines[2:]] == ["40", "30"]


def test_two_records_of_a_model_are_told_apart_and_may_be_named(record: Make) -> None:
    records = [record(), record(bias=0.05)]
    rows = comparison_table(records, ["0.1"]).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| `Linear ({each.identity[:6]})`" for each in records]
    named = renamed(records, ["Ours", "Baseline"])
    assert [row.split(" | ")[0] for row in comparison_table(named, ["0.1"]).splitlines()[2:]] == ["| `Ours`", "| `Baseline`"]
    assert labels(named) == ["Ours", "Baseline"]
    assert renamed(records, []) == records
    with pytest.raises(RecordError, match="2 records, and --name was given 1 times"):
        renamed(records, ["Ours"])


def test_nothing_is_told_without_a_minus() -> None:
    nothing = Interval(value=-1e-9, low=-0.0, high=-1e-4, n=3)
    assert percent(nothing) == "0.0 [0.0, 0.0]"
    assert decimal(nothing) == "0.000 [0.000, 0.000]"
