"""Tables fit the terminal without breaking a word, as long as that can be done."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.cli.table import fitted, show_table, table_of

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


FOREIGN = ["[/red] x", "[link=https://example.org]y[/link]", "[bold]z", ":smile:", "a[0] of b[1]"]


@pytest.mark.parametrize("text", FOREIGN)
def test_cells_are_no_markup(text: str) -> None:
    lines = shown([{"model": text, "what was found": text}], 100)
    assert any(line.count(text) == 2 for line in lines)
    assert any(text in line for line in shown([{text: "a"}], 100))


def test_a_cell_holds_no_line_break_and_no_escape_sequence() -> None:
    lines = shown([{"model": "a\nb", "says": "c\x1b[31md\u202e"}], 100)
    assert any("a b" in line and "c?[31md?" in line for line in lines)


@pytest.mark.parametrize("text", ["x " * 60 + "::notice::y " * 60, "::error::a", "x" * 197 + "::notice::y"])
def test_no_wrapped_line_is_a_command(capsys: pytest.CaptureFixture[str], text: str) -> None:
    show_table([{"": "", "says": text}])
    lines = capsys.readouterr().out.splitlines()
    assert sum("notice" in line or "error" in line for line in lines) > 0
    assert not [line for line in lines if line.lstrip().startswith("::")]


def test_everything_is_printed_by_one_door() -> None:
    folder = Path(__file__).parents[3] / "bench" / "cli"
    printing = {path.name for path in folder.glob("*.py") if "click.echo(" in path.read_text(encoding="utf-8")}
    assert printing == {"terminal.py"}
