"""Pictures say what the records say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from reports.all_figures import pictures
from reports.plots import accuracy_curves, check_comparable, last_cells, save

Make = Callable[..., Record]


def test_the_curve_goes_through_the_accuracies_of_the_record(record: Make) -> None:
    one = record(eps="0.1,0.01")
    axes = accuracy_curves([one]).axes[0]
    attack, noise = axes.get_lines()
    small, large = last_cells(one)
    assert (small.eps, large.eps) == (0.01, 0.1)
    assert list(attack.get_ydata()) == [100 * v for v in (small.clean.value, small.robust.value, large.robust.value)]
    assert list(noise.get_ydata()) == [100 * v for v in (small.clean.value, small.noise.value, large.noise.value)]
    assert list(attack.get_xdata()) == pytest.approx([0, 2.55, 25.5])


def test_records_of_different_norms_are_not_drawn_together(record: Make) -> None:
    with pytest.raises(RecordError, match="different threats: linf; l2"):
        accuracy_curves([record(), record(norm="l2")])
    with pytest.raises(RecordError, match="nothing to draw"):
        accuracy_curves([])


def test_what_a_title_says_once_holds_for_every_record(record: Make) -> None:
    for draw in (accuracy_curves, lambda records: list(pictures(records))):
        with pytest.raises(RecordError, match="different attacks: fgsm; uniform and pgd:steps=2"):
            draw([record(), record(attack=["uniform", "pgd:steps=2"])])
        with pytest.raises(RecordError, match=r"different samples \(30, 40 of them\)"):
            draw([record(), record(n=30)])
    check_comparable([record(), record(n=30)], samples=False)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_saved_picture_is_the_same_every_time(ending: str, record: Make, tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        path = tmp_path / name / f"picture.{ending}"
        path.parent.mkdir()
        save(accuracy_curves([record()]), path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"\x89PNG" if ending == "png" else b"<?xml")
