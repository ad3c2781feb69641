"""The other pictures say what the records say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.evaluation.records.comparison import compare
from bench.foundation.errors import RecordError
from bench.tasks.classification.results import StageResult
from bench.tasks.record import Record
from reports.all_figures import CAPTIONS, CROWD, FEW, captions_text, draw_all, drawings, file_name, shared_radii
from reports.forest import difference_forest
from reports.gap_bars import gap_bars
from reports.margins import edges_of, margin_histograms, margins_of
from reports.plots import last_cells
from reports.scatter import robust_scatter
from reports.shifts import score_shifts, shift_violins
from reports.stage_table import broken_counts, merged, stage_table
from reports.waterfall import STANDING, WRONG, falls, stage_waterfall

Make = Callable[..., Record]


def staged(record: Record) -> Record:
    """The record, as if two stages had broken what was broken: all but one by the first."""
    cells = []
    for cell in record.results:
        rows = record.rows[record.rows["eps_text"] == cell.eps_text]
        attacked = int((rows["verdict"] != "clean_wrong").sum())
        broken = int((rows["verdict"] == "broken").sum())
        first = max(broken - 1, 0)
        parts = [("one", attacked, first), ("two", attacked - first, broken - first)]
        stages = [
            StageResult(name=n, attempted=a, broken=b, forwards=1, backwards=1, zero_gradients=0, seconds=0)
            for n, a, b in parts
        ]
        cells.append(cell.model_copy(update={"stages": stages}))
    return record.model_copy(update={"results": cells}).with_rows(record.rows)


def test_the_falls_of_a_waterfall_lead_from_all_samples_to_those_that_stand(record: Make) -> None:
    drawn = staged(record(bias=0.02))
    cell = drawn.results[-1]
    parts = falls(cell)
    assert [part.name for part in parts] == [WRONG, "one", "two", STANDING]
    assert parts[0].high == 100 and parts[-1].low == 0
    assert [part.low for part in parts[:-1]] == [part.high for part in parts[1:]]
    assert parts[-1].high == pytest.approx(100 * cell.robust.value)
    assert parts[0].low == pytest.approx(100 * cell.clean.value)
    assert sum(part.count for part in parts) == 40
    bars = stage_waterfall(drawn, "0.1").axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx([part.high - part.low for part in parts])
    with pytest.raises(RecordError, match="stages"):
        stage_waterfall(record(), "0.1")


def test_the_table_of_stages_counts_what_each_broke(record: Make) -> None:
    good, bad = staged(record()), staged(record(bias=0.05))
    counts = broken_counts(bad.results[-1])
    assert counts["two"] == 1
    axes = stage_table([bad, good], "0.1").axes[0]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns[:2] == ["one", "two"]
    written = {(text.get_position()[1], text.get_position()[0]): int(text.get_text()) for text in axes.texts}
    rows = sorted((broken_counts(drawn.results[-1]) for drawn in (bad, good)), key=lambda row: -row[STANDING])
    assert written == {(r, c): row[name] for r, row in enumerate(rows) for c, name in enumerate(columns) if row[name]}
    with pytest.raises(RecordError, match="stages"):
        stage_table([record()], "0.1")


def test_stages_of_different_models_are_merged_in_their_order() -> None:
    spiking, plain = ["PGD", "ASSG", "last step", "corners", STANDING], ["PGD", "APGD", "corners", STANDING]
    assert merged([plain, spiking]) == ["PGD", "APGD", "ASSG", "last step", "corners", STANDING]
    assert merged([]) == []


def test_the_forest_shows_the_paired_differences_to_the_best(record: Make) -> None:
    good, bad = record(), record(bias=0.05)
    axes = difference_forest([bad, good], "0.01").axes[0]
    comparisons = [found for found in compare(good, bad) if found.what == "fgsm" and found.eps_text == "0.01"]
    wanted = comparisons[-1].difference
    interval, point = axes.get_lines()[1:3]
    assert list(interval.get_xdata()) == pytest.approx([100 * wanted.low, 100 * wanted.high])
    assert list(point.get_xdata()) == pytest.approx([100 * wanted.value])
    with pytest.raises(RecordError, match="two records"):
        difference_forest([good], "0.01")


@pytest.mark.parametrize("against", ["clean", "noise"])
def test_a_point_of_the_scatter_has_both_accuracies(against: str, record: Make) -> None:
    drawn = record(bias=0.02)
    axes = robust_scatter([drawn], "0.01", against=against).axes[0]
    cell = last_cells(drawn)[0]
    point = axes.containers[0][0]
    x, y = (float(value[0]) for value in point.get_data())
    assert (x, y) == pytest.approx((100 * getattr(cell, against).value, 100 * cell.robust.value))
    with pytest.raises(RecordError, match=r"no result at 0\.5"):
        robust_scatter([drawn], "0.5")


def test_a_bar_is_as_long_as_the_gap_and_says_how_robust_the_model_is(record: Make) -> None:
    records = [record(), record(bias=0.05)]
    axes = gap_bars(records, "0.01").axes[0]
    cells = sorted((last_cells(drawn)[0] for drawn in records), key=lambda cell: -cell.gap_best.value)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([100 * cell.gap_best.value for cell in cells])
    circles = [float(line.get_xdata()[0]) for line in axes.get_lines() if line.get_marker() == "o"]
    assert circles == pytest.approx([100 * cell.gap.value for cell in cells])
    texts = [text.get_text() for text in axes.texts]
    assert texts == [*(f"{100 * cell.robust.value:.1f}" for cell in cells), "robust (%)"]


def test_margins_are_those_of_the_rows_and_each_side_has_one_verdict(record: Make) -> None:
    drawn = record(bias=0.02)
    standing, broken = margins_of(drawn, "0.01")
    rows = drawn.rows[drawn.rows["eps_text"] == "0.01"]
    assert sorted(standing) == sorted(rows.loc[rows["verdict"] == "robust", "margin"])
    assert len(standing) and len(broken) and (standing <= 0).all() and (broken >= 0).all()
    bars = margin_histograms([drawn], "0.01").axes[0].patches
    # Heights are square roots of counts.
    counted = {
        "left": sum(bar.get_height() ** 2 for bar in bars if bar.get_x() < -1e-9),
        "right": sum(bar.get_height() ** 2 for bar in bars if bar.get_x() >= -1e-9),
    }
    assert counted == pytest.approx({"left": len(standing), "right": len(broken)})
    with pytest.raises(RecordError, match=r"no rows at 0\.5"):
        margin_histograms([drawn], "0.5")


@pytest.mark.parametrize("values", [[-3.0, 2.0], [1.0, 2.0], [-2.0, -1.0], [0.0], []])
def test_zero_is_an_edge_of_the_bars(values: list[float]) -> None:
    edges = edges_of(np.array(values))
    assert np.abs(edges).min() < 1e-9 * max(np.abs(edges).max(), 1)
    assert edges[0] < 0 < edges[-1] or min(values, default=-1) >= 0
    assert not values or (edges[0] <= np.quantile(values, 0.01) and edges[-1] >= np.quantile(values, 0.99))


def test_shifts_are_drawn_for_scores_only(record: Make) -> None:
    up, down = np.array([1.0, 2.0, 3.0]), np.array([-2.0, -2.0])
    axes = shift_violins({"m": (up, down)}, "4/255").axes[0]
    medians = [float(line.get_xdata()[0]) for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert medians == [2.0, -2.0]
    with pytest.raises(RecordError, match="classes, not scores"):
        score_shifts([record()], "0.1")


def test_all_figures_that_the_records_allow_are_drawn(record: Make, tmp_path: Path) -> None:
    records = [staged(record(eps="0.1")), staged(record(bias=0.05, eps="0.1,0.01"))]
    assert shared_radii(records) == ["0.1"]
    *written, captions = draw_all(records, tmp_path)
    names = {path.stem for path in written}
    stages = {f"stages-Linear-{drawn.identity[:6]}-0.1" for drawn in records}
    at_the_radius = {f"{name}-0.1" for name in ("robust-vs-clean", "attack-vs-noise", "gaps", "margins", "differences")}
    assert names == {"accuracy"} | at_the_radius | stages
    assert {path.suffix for path in written} == {".pdf", ".svg", ".png"}
    assert all(path.stat().st_size > 1000 for path in written)
    assert captions.name == CAPTIONS
    lines = captions.read_text(encoding="utf-8").splitlines()
    assert {line.partition("**: ")[0].removeprefix("- **") for line in lines} == names
    assert not [line for line in lines if "{" in line]


def test_what_cannot_be_drawn_leaves_no_folder(record: Make, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="different attacks"):
        draw_all([record(eps="0.1"), record(eps="0.1", attack="uniform")], tmp_path / "plots")
    assert not (tmp_path / "plots").exists()


def test_the_caption_of_differences_names_one_of_two_records_of_a_model(record: Make) -> None:
    records = [record(eps="0.1"), record(bias=0.05, eps="0.1")]
    (differences,) = (drawing for drawing in drawings(records) if drawing.name.startswith("differences"))
    assert any(f"({each.identity[:6]})" in differences.caption for each in records)


def test_a_name_is_no_markup_in_captions(record: Make) -> None:
    """Braces are no fields to fill in, and brackets are no link."""
    odd = record(eps="0.1")
    model = odd.model.model_copy(update={"ref": "{x}[y](https://example.org)"})
    records = [staged(odd.model_copy(update={"model": model}).with_rows(odd.rows)), staged(record(bias=0.05, eps="0.1"))]
    planned = list(drawings(records))
    assert any("{x}[y](https://example.org)" in drawing.caption for drawing in planned)
    lines = captions_text(planned).splitlines()
    assert len(lines) == len(planned) and all("[y](" not in line for line in lines)
    assert any(r"{x}\[y\](https:\//example.org)" in line for line in lines)


def test_many_models_share_a_table_of_stages_and_get_a_row_in_place_of_a_curve(record: Make) -> None:
    records = [staged(record(bias=0.001 * number)) for number in range(CROWD + 1)]
    assert len(records) > FEW
    planned = {drawing.name: drawing for drawing in drawings(records)}
    assert "stages-0.1" in planned and not [name for name in planned if name.startswith("stages-Linear")]
    assert len(planned["accuracy"].draw().axes[0].get_yticks()) == len(records)
    assert len(list(drawings(records[:CROWD]))) == len(planned)


def test_a_model_gives_a_name_that_a_file_can_have() -> None:
    assert file_name("my/net.py::Mine (ab12)") == "my-net.py-Mine-ab12"
