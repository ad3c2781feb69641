"""What all figures share, and curves: pictures say what the records say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.foundation.colours import OKABE_ITO
from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from reports.accuracy_curve import NOISE_LIMIT, accuracy_curves
from reports.accuracy_rows import accuracy_rows
from reports.all_figures import drawings
from reports.paper_style import COLUMN, MARKERS, PAGE, look
from reports.plots import check_comparable, last_cells, save

Make = Callable[..., Record]


def test_the_curve_goes_through_the_accuracies_of_the_record(record: Make) -> None:
    drawn = record(eps="0.1,0.01")
    axes = accuracy_curves([drawn]).axes[0]
    small, large = last_cells(drawn)
    assert (small.eps, large.eps) == (0.01, 0.1)
    attack, *_ = axes.containers[0]
    assert list(attack.get_ydata()) == [100 * v for v in (small.clean.value, small.robust.value, large.robust.value)]
    assert list(attack.get_xdata()) == pytest.approx([0, 0.01, 0.1])
    assert attack.get_linestyle() == ":"  # nothing was measured between the radii
    (noise,) = [line for line in axes.get_lines() if line.get_markerfacecolor() == "white"]
    assert list(noise.get_ydata()) == [100 * v for v in (small.noise.value, large.noise.value)]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "0.1"]  # 0.01 would overlap with 0


def test_radii_are_written_as_they_were_given(record: Make) -> None:
    axes = accuracy_curves([record(eps="2/255,8/255")]).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "2/255", "8/255"]
    assert not axes.get_title() and axes.get_legend() is None


def test_curves_are_named_at_their_ends(record: Make) -> None:
    records = [record(bias=0.001 * number) for number in range(3)]
    names = {text.get_text() for text in accuracy_curves(records).axes[0].texts}
    assert names == {f"Linear ({drawn.identity[:6]})" for drawn in records} | {"random noise"}


def test_the_noise_of_many_models_is_left_out(record: Make) -> None:
    records = [record(bias=0.001 * number) for number in range(NOISE_LIMIT + 1)]
    axes = accuracy_curves(records).axes[0]
    assert "random noise" not in {text.get_text() for text in axes.texts}
    assert len(axes.containers) == len(records)


def test_rows_show_each_accuracy_of_each_model_the_most_robust_first(record: Make) -> None:
    good, bad = record(), record(bias=0.05)
    axes = accuracy_rows([bad, good]).axes[0]
    assert good.cells[0].robust.value > bad.cells[0].robust.value
    points = {tuple(round(float(part[0]), 6) for part in container[0].get_data()) for container in axes.containers}
    wanted = set()
    for row, drawn in enumerate((good, bad)):
        rates = [drawn.cells[0].clean, *(cell.robust for cell in last_cells(drawn))]
        wanted |= {(round(100 * rate.value, 6), row) for rate in rates}
    assert points == wanted
    assert {text.get_text() for text in axes.texts} == {"clean", "0.01", "0.1"}


def test_models_differ_in_colour_or_marker() -> None:
    looks = [look(number) for number in range(len(OKABE_ITO) * len(MARKERS))]
    assert len(set(looks)) == 56


def test_a_figure_is_as_wide_as_a_column_or_a_page(record: Make) -> None:
    assert accuracy_curves([record()]).get_size_inches()[0] == COLUMN
    assert accuracy_curves([record()], width=PAGE).get_size_inches()[0] == PAGE


def test_records_of_different_norms_are_not_drawn_together(record: Make) -> None:
    with pytest.raises(RecordError, match="different threats: linf; l2"):
        accuracy_curves([record(), record(norm="l2")])
    with pytest.raises(RecordError, match="nothing to draw"):
        accuracy_curves([])


def test_what_a_caption_says_once_holds_for_every_record(record: Make) -> None:
    for draw in (accuracy_curves, accuracy_rows, lambda records: list(drawings(records))):
        with pytest.raises(RecordError, match="different attacks: fgsm; uniform and pgd:steps=2"):
            draw([record(), record(attack=["uniform", "pgd:steps=2"])])
        with pytest.raises(RecordError, match=r"different samples \(30, 40 of them\)"):
            draw([record(), record(n=30)])
    check_comparable([record(), record(n=30)], samples=False)


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_saved_picture_is_the_same_every_time(ending: str, start: bytes, record: Make, tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        path = tmp_path / name / f"picture.{ending}"
        path.parent.mkdir()
        save(accuracy_curves([record()]), path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(start)
