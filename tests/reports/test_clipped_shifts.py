"""Boards that are ordered by clipped shifts draw and name clipped shifts; older ones the shifts as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.boards.store import open_board
from reports.presentations.quality import PRESENTATION
from reports.site.changes import differences

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"


def test_the_page_of_changes_says_that_another_figure_orders_the_table() -> None:
    before, after = (open_board(f"iqa-photos-linf/v{version}", LEADERBOARDS).protocol() for version in (1, 2))
    (line,) = [line for line in differences(before, after) if line.startswith("ordered by")]
    assert "clipped" not in line.partition(", now ")[0] and "clipped" in line.partition(", now ")[2]
    assert not [line for line in differences(after, after) if line.startswith("ordered by")]


@pytest.mark.parametrize(("version", "clipped"), [(1, False), (2, True)])
def test_curves_and_words_are_of_what_orders_the_board(version: int, clipped: bool) -> None:
    board = open_board(f"iqa-photos-linf/v{version}", LEADERBOARDS)
    protocol, entry = board.protocol(), board.entries()[0]
    _, points = PRESENTATION.curve(entry.record, protocol)
    by_radius = {shift.eps_text: shift for shift in entry.record.shifts}
    expected = [by_radius[point.text].clipped if clipped else by_radius[point.text].in_ranges for point in points]
    assert [point.attacked for point in points] == expected and len(points) == 2
    words = PRESENTATION.words(protocol)
    assert all(("clipped" in text) == clipped for text in (words.ordered_by, words.headline, words.compared, words.axis))
    if clipped:
        assert all(point.attacked.high <= 1 for point in points)
