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
from reports.all_figures import draw_all, shared_radii
from reports.attribution import shares, stage_attribution
from reports.forest import difference_forest
from reports.plots import last_cells
from reports.scatter import noise_scatter
from reports.shifts import score_shifts, shift_violins

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


def test_the_shares_of_stages_add_up_to_the_accuracies(record: Make) -> None:
    cell = staged(record(bias=0.02)).results[-1]
    found = shares(cell)
    assert sum(found.values()) == pytest.approx(100)
    assert found["standing"] == pytest.approx(100 * cell.robust.value)
    assert found["wrong unattacked"] == pytest.approx(100 * (1 - cell.clean.value))
    with pytest.raises(RecordError, match="stages"):
        stage_attribution([record()], "0.1")


def test_the_forest_shows_the_paired_differences_to_the_best(record: Make) -> None:
    good, bad = record(), record(bias=0.05)
    axes = difference_forest([bad, good], "0.01").axes[0]
    wanted = next(one for one in compare(good, bad) if one.what == "fgsm" and one.eps_text == "0.01").difference
    interval, point = axes.get_lines()[1:3]
    assert list(interval.get_xdata()) == pytest.approx([100 * wanted.low, 100 * wanted.high])
    assert list(point.get_xdata()) == pytest.approx([100 * wanted.value])
    with pytest.raises(RecordError, match="two records"):
        difference_forest([good], "0.01")


def test_a_point_of_the_scatter_lies_below_the_diagonal_by_the_gap(record: Make) -> None:
    one = record()
    axes = noise_scatter([one], "0.01").axes[0]
    cell = last_cells(one)[0]
    x, y = (float(value[0]) for value in axes.get_lines()[1].get_data())
    assert (x, y) == pytest.approx((100 * cell.noise.value, 100 * cell.robust.value))
    with pytest.raises(RecordError, match=r"no result at 0\.5"):
        noise_scatter([one], "0.5")


def test_shifts_are_drawn_for_scores_only(record: Make) -> None:
    up, down = np.array([1.0, 2.0, 3.0]), np.array([-2.0, -2.0])
    axes = shift_violins({"m": (up, down)}, "4/255", "title").axes[0]
    medians = [float(line.get_xdata()[0]) for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert medians == [2.0, -2.0]
    with pytest.raises(RecordError, match="classes, not scores"):
        score_shifts([record()], "0.1")


def test_all_figures_that_the_records_allow_are_drawn(record: Make, tmp_path: Path) -> None:
    records = [staged(record(eps="0.1")), staged(record(bias=0.05, eps="0.1,0.01"))]
    assert shared_radii(records) == ["0.1"]
    written = draw_all(records, tmp_path)
    names = {path.stem for path in written}
    assert names == {"accuracy", "attack-vs-noise-0.1", "stages-0.1", "differences-0.1"}
    assert {path.suffix for path in written} == {".png", ".svg"}
    assert all(path.stat().st_size > 1000 for path in written)
