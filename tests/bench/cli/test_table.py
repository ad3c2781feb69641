"""Tables fit the terminal without breaking a word, as long as that can be done."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.cli.table import fitted, table_of

ROWS = [
    {"model": "snn_robust_conversion@1", "rank": "3 [13-18]", "noise 2/255": "77.0", "attack 2/255": "39.0"}
    | {"noise 8/255": "76.0", "attack 8/255": "0.0", "verdict": "reliable, superseded"},
    {"model": "ann@1", "rank": "", "noise 2/255": "1.0", "attack 2/255": "1.0"}
    | {"noise 8/255": "1.0", "attack 8/255": "1.0", "verdict": "inconclusive"},
]


def shown(rows: list[dict[str, str]], room: int) -> list[str]:
    console = Console(file=io.StringIO(), width=room)
    console.print(table_of(rows, room))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("room", [200, 100, 80, 76])
def test_no_word_is_broken_where_the_longest_fit(room: int) -> None:
    lines = shown(ROWS, room)
    words = {word for line in lines for word in line.split()}
    assert {word for row in ROWS for cell in (*row, *row.values()) for word in cell.split()} <= words
    assert max(len(line) for line in lines) <= room


def test_the_first_column_is_whole_even_where_nothing_else_is() -> None:
    lines = shown(ROWS, 50)
    assert any(line.lstrip().startswith("snn_robust_conversion@1") for line in lines)
    assert max(len(line) for line in lines) <= 50


def test_the_widest_columns_give_way_first() -> None:
    columns = [["name", "a-long-name"], ["n", "1000"], ["says", "one two three four five six"]]
    assert fitted(columns, 80) == (1, [11, 4, 27])
    assert fitted(columns, 40) == (1, [11, 4, 17])
    assert fitted(columns, 27) == (0, [11, 4, 10])
    assert fitted(columns, 10) == (0, [None, None, None])


def test_nothing_is_a_table_too() -> None:
    assert fitted([], 80) == (1, [])
    assert fitted([["", ""], ["a", "b"]], 80) == (1, [1, 1])
    shown([], 80)
