"""A board as Markdown: its entries, best first, with the numbers of its table."""

from __future__ import annotations

import csv
from pathlib import Path

from support import leaderboard

from bench.boards.render import render
from reports.board_tables import board_table
from reports.presentations.classification import table


def test_one_line_per_entry_in_the_order_of_the_table(tmp_path: Path) -> None:
    board = leaderboard.board(tmp_path)
    with board.locked():
        render(board)
    rows = list(csv.DictReader((board.folder / "table.csv").read_text().splitlines()))
    lines = board_table(board).splitlines()
    assert [line.split(" | ")[1] for line in lines[2:]] == [f"`zoo:{row['model']}`" for row in rows]
    assert len({line.count("|") for line in lines}) == 1
    best = rows[0]
    assert f"{100 * float(best['clean']):.1f}" in lines[2]
    assert f"{100 * float(best['robust@8/255']):.1f} [" in lines[2]


def test_boards_of_events_say_how_few_events_broke_half_of_the_samples() -> None:
    columns = dict(table(leaderboard.protocol(leaderboard.kept_records()[0], norm="events_l0")))
    assert columns["median least"]({"least_median": "34.000000"}) == "34"
    assert columns["median least"]({"least_median": "over 4%"}) == "over 4%"


def test_other_boards_count_no_events() -> None:
    assert "median least" not in dict(table(leaderboard.protocol(leaderboard.kept_records()[0])))
