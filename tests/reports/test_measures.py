"""Pictures of measures, and of what an attack leaves of a correlation, say what the sheets and records say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor, nn

import bench
from bench.cli.report import report as command
from bench.foundation.errors import RecordError, SpecError
from bench.studies.measures.attacked import Attacked
from bench.studies.measures.sheet import Cost, Sheet, Step, blank, write_sheet
from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.all_figures import draw_all
from reports.correlation import srcc_before_after
from reports.measures import accuracy_over_steps, attacks_of, robustness_over_energy, sheets


def interval(value: float) -> Interval:
    return Interval(value=value, low=value - 0.05, high=value + 0.05, n=100)


def sheet(name: str, energy: float | None, steps: tuple[int, ...] = ()) -> Sheet:
    cost = None
    if energy is not None:
        cost = Cost(n=10, macs_ann=1, macs=1, synaptic=1, energy_ann_nj=1, energy_nj=energy, rate=0.1)
    return Sheet(
        model=name,
        weights="",
        version=1,
        dataset="cifar10",
        steps=[Step(steps=t, latency=t + 8, accuracy=interval(1 - 0.5 / t)) for t in steps],
        cost=cost,
    )


def under_quick(robust: float) -> list[Attacked]:
    return [Attacked("quick", "8/255", interval(0.7), interval(robust), "upper_bound")]


FOUND = [sheet("snn_a", 20.0, (1, 2, 4)), sheet("ann_b", 900.0), sheet("snn_c", None, (4,))]
RESULTS = {"snn_a": under_quick(0.3), "ann_b": under_quick(0.2), "snn_c": under_quick(0.9)}


def test_accuracy_over_steps_shows_models_with_several(tmp_path: Path) -> None:
    axes = accuracy_over_steps(FOUND).axes[0]
    (curve,) = axes.containers
    assert list(curve[0].get_xdata()) == [9, 10, 12]
    assert list(curve[0].get_ydata()) == pytest.approx([50, 75, 87.5])
    assert [text.get_text() for text in axes.texts] == [curve.get_label()] == ["snn_a"]
    with pytest.raises(RecordError, match="several time steps"):
        accuracy_over_steps(FOUND[1:])


def test_robustness_over_energy_shows_models_with_both() -> None:
    assert attacks_of(FOUND, RESULTS) == [("quick", "8/255")]
    axes = robustness_over_energy(FOUND, RESULTS, "quick", "8/255").axes[0]
    points = {one.get_label(): one.lines[0].get_xydata()[0] for one in axes.containers}
    assert points["snn_a"] == pytest.approx([20, 30])
    assert points["ann_b"] == pytest.approx([900, 20])
    assert "snn_c" not in points
    assert "quick at 8/255" in axes.get_ylabel()
    assert {text.get_text() for text in axes.texts} == {"snn_a", "ann_b"}
    with pytest.raises(RecordError, match="standard"):
        robustness_over_energy(FOUND, RESULTS, "standard", "8/255")


class Mean(nn.Module):
    task = "quality"

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.slope * x.mean((1, 2, 3))
        return score


@pytest.fixture(scope="module")
def rated() -> list[Record]:
    images = torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = images.mean((1, 2, 3))
    return [bench.evaluate(Mean(slope), data=(images, labels), eps="0.05", attack="fgsm") for slope in (0.5, 1.0)]


def test_srcc_before_and_after_is_that_of_the_records(rated: list[Record]) -> None:
    axes = srcc_before_after(rated, "0.05").axes[0]
    shown = [float(line.get_xdata()[0]) for line in axes.get_lines() if line.get_marker() in ("o", "s")]
    wanted = [one for r in rated for one in (r.results[-1].srcc_clean.value, r.results[-1].srcc_attacked.value)]
    assert shown == pytest.approx(wanted)
    assert not any(math.isnan(one) for one in shown)
    with pytest.raises(RecordError, match="no shift"):
        srcc_before_after(rated, "0.3")


def test_all_of_them_are_written_as_both_formats(rated: list[Record], tmp_path: Path) -> None:
    *written, _ = draw_all(rated, tmp_path, FOUND, RESULTS)
    names = {path.stem for path in written}
    assert names == {"score-shifts-0.05", "srcc-0.05", "accuracy-vs-steps", "robustness-vs-energy-quick-8of255"}
    assert {path.suffix for path in written} == {".pdf", ".png", ".svg"}
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert min(picture.size) > 200
        elif path.suffix == ".svg":
            assert "<svg" in path.read_text()


def test_the_command_draws_measures_of_present_weights(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="nothing to draw"):
        CliRunner().invoke(
            command, ["plots", "--measures", "--boards", str(tmp_path)], standalone_mode=False, catch_exceptions=False
        )
    fresh = blank("snn_at").model_copy(update={"steps": FOUND[0].steps})
    write_sheet(tmp_path, fresh)
    write_sheet(tmp_path, fresh.model_copy(update={"model": "snn_gsr"}))  # of other weights than snn_gsr has
    assert [one.model for one in sheets(tmp_path)] == ["snn_at"]
    done = CliRunner().invoke(
        command, ["plots", "--measures", "--boards", str(tmp_path), "--out", str(tmp_path / "p")], standalone_mode=False
    )
    assert done.exception is None
    assert (tmp_path / "p" / "accuracy-vs-steps.svg").is_file()
