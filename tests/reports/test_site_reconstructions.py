"""Pages of a board of models that reconstruct: every figure is in decibels, and no model of others is invited."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from support.boards import card
from support.pictures import Dimmed
from support.submissions import small_board

from bench.boards.entering import enter
from bench.boards.running import measure
from bench.models.opening import open_subject
from reports.site.build import write
from reports.site.changes import changes
from reports.site.charts import against_clean, curves
from reports.site.curve import curve
from reports.site.figures import measured, points, sign
from reports.site.view import BoardView, view
from reports.site.words import sentences


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> BoardView:
    root = tmp_path_factory.mktemp("pictures")
    board = small_board(root, n=4, board="small-pictures", task="reconstruction")
    for name, share in (("faint", 0.5), ("bright", 0.9)):
        enter(board, measure(board, open_subject(Dimmed(share)), out=None), card(name))
    return view(board, [1])


def text_of(page: Path) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.read_text())))


def test_figures_of_decibels() -> None:
    assert (measured(29.734, "decibels"), sign("decibels"), sign("percent"), sign("number")) == ("29.73", " dB", "%", "")
    assert [points(value, "decibels") for value in (0.254, -0.001, -1.0)] == ["+0.25", "0.00", "-1.00"]
    assert points(0.254) == "+25.4"


def test_pages_are_in_decibels(seen: BoardView, tmp_path: Path) -> None:
    write([seen], [], tmp_path / "site")
    assert seen.folder
    table = pd.read_csv(seen.folder / "table.csv").set_index("model")
    best = f"{table.loc['bright', 'attacked@8/255']:.2f}"
    first = text_of(tmp_path / "site" / "index.html")
    assert f"{best} dB PSNR of its pictures under attack at 8/255" in first
    assert re.search(r"95% interval [\d.]+.[\d.]+ dB on 4 images", first)
    at = tmp_path / "site" / "boards" / "small-pictures" / "v1"
    board = text_of(at / "index.html")
    assert "PSNR in dB, with 95% intervals" in board and best in board and "how to submit" not in board
    model = text_of(at / "models" / "bright@1.html")
    assert best in model and f"{table.loc['bright', 'drop@8/255']:.2f}" in model
    assert "each picture against the scene" in model
    assert "first, dB" in text_of(at / "compare.html") and f"{best} dB" in text_of(tmp_path / "site" / "models.html")
    assert "--board small-pictures" not in text_of(tmp_path / "site" / "submit.html")
    compared = json.loads((at / "outcomes.js").read_text().removeprefix("globalThis.OUTCOMES = ").rstrip(";\n"))
    assert compared["points"] == "dB" and compared["n"] == 4 and compared["samples"] == "4 images" and not compared["less"]
    attacked = compared["models"]["bright@1"]["PSNR under attack at 8/255"]
    assert 100 * sum(attacked) / 4 == pytest.approx(table.loc["bright", "attacked@8/255"], abs=1e-3)


def test_pictures_are_drawn_where_the_figures_are(seen: BoardView) -> None:
    lines, dots = curves(seen, 10), against_clean(seen, 10)
    assert lines and dots and lines.axes.y_top in (0.2, 0.4) and lines.y_title == "PSNR of the picture (dB)"
    assert (dots.x_title, dots.y_title) == ("clean PSNR (dB)", "PSNR under attack at 8/255 (dB)")
    for mark in dots.marks:
        values = seen.entries[mark.number].values
        x, y = (float(values[key]) / 100 for key in ("psnr", "attacked@8/255"))
        assert mark.at == (dots.axes.x(x), dots.axes.y(y))
        assert f"{100 * y:.2f}" in mark.says
    drawn = curve(seen.entries[0].record, seen.protocol)
    clean = seen.entries[0].values["psnr"]
    assert isinstance(clean, float) and drawn.points[0][:2] == (drawn.axes.x(0), drawn.axes.y(clean / 100))
    assert drawn.points[0][2].startswith(f"radius 0: {clean:.1f} [")


def test_it_says_what_orders_it_and_what_moved(seen: BoardView) -> None:
    assert any("ordered by the mean PSNR under attack at 8/255" in sentence for sentence in sentences(seen.protocol))
    assert [entry.card.name for entry in seen.ranked] == ["bright", "faint"] and seen.ranks_of == "models"
    later = replace(seen, protocol=seen.protocol.model_copy(update={"version": 2}), versions=[1, 2])
    value = later.entries[0].values["attacked@8/255"]
    assert isinstance(value, float)
    raised = replace(later.entries[0], values=later.entries[0].values | {"attacked@8/255": value + 0.5})
    (moved, still) = changes(seen, replace(later, entries=[raised, *later.entries[1:]])).moves
    assert (moved.change, still.change) == (pytest.approx(0.5), 0.0) and moved.after == f"{value + 0.5:.2f}"
