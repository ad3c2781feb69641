"""What a second search breaks of what a first has left, and whether records expect as much."""

from __future__ import annotations

import pandas as pd
import pytest
from support.tiny import Linear, images

import bench
from reports import second_runs
from reports.second_runs import compared


def test_two_searches_are_compared_image_by_image() -> None:
    x = images(20)
    data = (x.numpy(), Linear().eval()(x).argmax(1).numpy())
    weak, strong = (bench.evaluate(Linear(), attack=attack, eps="0.05", data=data) for attack in ("uniform", "pgd:steps=5"))
    row = compared(weak, strong, "0.05")
    assert (row["first"], row["second"], row["right"]) == ("uniform", "pgd:steps=5", 20)
    assert row["both leave"] == row["second leaves"] < row["first leaves"]
    assert compared(strong, weak, "0.05")["both leave"] == row["both leave"]


def test_the_table_is_that_of_the_boards() -> None:
    pd.testing.assert_frame_equal(pd.read_csv(second_runs.TABLE), pd.DataFrame(second_runs.rows()))


def test_records_expect_about_what_second_searches_break() -> None:
    table = pd.read_csv(second_runs.TABLE)
    broken = table["first leaves"] - table["both leave"]
    assert len(table) > 20 and broken.sum() > 100
    assert (broken <= table["expected to fall"] + 5).all()
    assert broken.sum() < table["expected to fall"].sum()


@pytest.mark.parametrize("column", ["first leaves", "second leaves"])
def test_two_searches_leave_at_most_what_one_leaves(column: str) -> None:
    table = pd.read_csv(second_runs.TABLE)
    assert (table["both leave"] <= table[column]).all() and (table[column] <= table["right"]).all()
