"""Figures and pictures of models that reconstruct say what the records say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.evaluation.request.identity import folder_name
from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from reports.all_figures import drawings, saved_drawings
from reports.camera_pictures import view
from reports.camera_strips import is_of_a_camera
from reports.picks import choose
from reports.psnr_drops import last_drops, psnr_drops, reconstructs
from zoo.cameras.networks import Reconstructor

CAMERA: dict[str, Any] = {"ticks": 8, "initial": 0.5, "gain": 0.8, "jitter": 0.05}


class Shown(Reconstructor):
    task = "reconstruction"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    folder = tmp_path_factory.mktemp("records")
    model = Shown(camera=CAMERA, reconstruction="tfp")
    kept = bench.evaluate(model, attack=["pgd", "fgsm"], eps="4/255,8/255", data="cifar10", n=4, out=folder, save_adv=True)
    return kept, folder / folder_name(kept.model.ref, kept.identity)


def test_a_curve_goes_through_the_drops(saved: tuple[Record, Path]) -> None:
    kept, _ = saved
    drops = last_drops(kept)
    assert [drop.attack for drop in drops] == ["worst case"] * 2 and [drop.eps_text for drop in drops] == ["4/255", "8/255"]
    axes = psnr_drops([kept]).axes[0]
    curve = next(line for line in axes.lines if line.get_linestyle() == ":")
    assert curve.get_ydata().tolist() == pytest.approx([0.0, *(drop.drop.value for drop in drops)])
    assert axes.get_ylabel() == "drop in PSNR (dB)"
    assert [drawing.name for drawing in drawings([kept])] == ["psnr-drops"]


def test_pictures_are_chosen_by_their_drop_and_named_by_their_psnr(saved: tuple[Record, Path]) -> None:
    kept, folder = saved
    rows = kept.rows[(kept.rows["attack"] == "pgd") & (kept.rows["eps_text"] == "8/255")].set_index("sample")
    worst, best = choose(kept, folder, count=1)
    assert (worst.sample, best.sample) == (rows["drop"].idxmax(), rows["drop"].idxmin())
    assert worst.moved and not best.moved
    assert worst.before == f"{rows['clean_psnr'][worst.sample]:.1f} dB"
    assert worst.after == f"{rows['psnr'][worst.sample]:.1f} dB"
    assert 0 < np.abs(worst.adversarial - worst.clean).max() <= 8 / 255 + 1e-6


def test_a_reconstructor_is_seen_as_a_network_behind_a_camera_is(saved: tuple[Record, Path]) -> None:
    """Without noise the picture is the one that was scored."""
    kept, folder = saved
    (worst, *_) = choose(kept, folder, count=1)
    seen = view(Shown(camera=CAMERA, reconstruction="tfp").eval(), worst.clean, worst.sample)
    assert f"{seen.psnr:.1f} dB" == worst.before
    assert not is_of_a_camera(kept) and not list(saved_drawings(kept, folder))
    assert is_of_a_camera(kept.model_copy(update={"model": kept.model.model_copy(update={"ref": "zoo:cam_x"})}))


def test_a_record_of_decisions_has_no_drops(record: Callable[..., Record]) -> None:
    assert not reconstructs(record())
    with pytest.raises(RecordError, match="answers no pictures"):
        psnr_drops([record()])
