"""Pictures of a spike camera: the draw is that of the sample, spikes are where they were, and a record becomes a file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.foundation.errors import RecordError
from reports.camera_film import GAP, ZOOM, film
from reports.camera_pictures import nearness, sheet, view
from reports.picks import Pick
from zoo.cameras.networks import through_pictures, through_spikes

CAMERA: dict[str, Any] = {"ticks": 9, "gain": 0.5, "initial": 0.0}
NETWORK: dict[str, Any] = {"neuron": {}, "widths": (4, 4, 4, 4)}
SCENE = np.full((32, 32, 3), 0.5, np.float32)
SCENE[16, 3] = (1.0, 0.0, 0.5)


def camera(**noise: Any) -> nn.Module:
    return through_pictures(camera=CAMERA | noise, reconstruction="tfp", network=NETWORK | {"steps": 2}).eval()


def test_a_spike_is_where_it_was() -> None:
    """Half a charge a tick fires at every second tick, a quarter at every fourth; what fired lacks its colour."""
    seen = view(camera(), SCENE, 0)
    assert seen.raster.shape == (9, 32, 3) and seen.reconstruction.shape == seen.scene.shape == (32, 32, 3)
    assert seen.raster[:, 3, 0].tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert seen.raster[:, 3, 1].tolist() == [1] * 9
    assert seen.raster[:, 3, 2].tolist() == seen.raster[:, 5, 0].tolist() == [1, 1, 1, 0, 1, 1, 1, 0, 1]
    assert seen.reconstruction[16, 3].tolist() == pytest.approx([8 / 9, 0, 4 / 9])


def test_how_near_a_reconstruction_is_stands_below_it() -> None:
    """A quarter of a charge a tick fires twice in nine ticks, which is read as 4/9 of full light."""
    flat = np.full((32, 32, 3), 0.5, np.float32)
    seen = view(camera(), flat, 0)
    assert seen.psnr == pytest.approx(-20 * np.log10(1 / 2 - 4 / 9), rel=1e-4) and 0 < seen.ssim < 1
    brighter = np.full((32, 32, 3), 0.8, np.float32)
    after = view(camera(), brighter, 7)
    pick = Pick(7, flat, brighter, "cat", "dog", True)
    labels = [axis.get_xlabel() for axis in sheet(camera(), [pick], "title").axes]
    assert labels[-2] == f"{seen.psnr:.1f} dB, SSIM {seen.ssim:.2f}" and labels[0] == ""
    own, to_before = labels[-1].splitlines()
    assert own == f"{after.psnr:.1f} dB, SSIM {after.ssim:.2f}"
    # Three spikes in nine ticks, read as 6/9, and two, read as 4/9.
    assert after.reconstruction.mean() == pytest.approx(6 / 9, rel=1e-5)
    assert to_before.startswith(f"to the one before: {-20 * np.log10(2 / 9):.1f} dB")
    assert nearness(after.reconstruction, after.reconstruction)[0] == np.inf


def test_a_film_shows_every_tick_of_both_streams() -> None:
    model = camera()
    views = [[view(model, scene, 0) for scene in (SCENE, np.clip(SCENE + 0.2, 0, 1))] for _ in range(2)]
    moving = Image.open(io.BytesIO(film(views)))
    side, gap = ZOOM * 32, ZOOM * -(-GAP // ZOOM)
    assert moving.size == (6 * side + 5 * gap, 2 * side + gap)
    assert getattr(moving, "n_frames", 1) == 9
    for tick in range(9):
        moving.seek(tick)
        pixels = np.asarray(moving.convert("RGB"))
        spikes = pixels[:side:ZOOM, side + gap : 2 * side + gap : ZOOM]
        assert np.array_equal(spikes, np.rint(views[0][0].planes[tick] * 255).astype(np.uint8))


def test_the_draw_belongs_to_the_sample() -> None:
    noisy = camera(photons=10.0, spurious=0.1)
    first, again, other = (view(noisy, SCENE, sample).raster for sample in (4, 4, 5))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_sheet_shows_both_scenes_of_each_sample() -> None:
    pick = Pick(7, SCENE, np.clip(SCENE + 0.1, 0, 1), "cat", "dog", True)
    model = through_spikes(camera=CAMERA, network=NETWORK).eval()
    figure = sheet(model, [pick, pick], "title")
    shown = [axis.get_images()[0].get_array() for axis in figure.axes]
    assert len(shown) == 3 * 4 and figure.axes[1].get_title() == "dog"
    assert shown[0] is not None and np.array_equal(shown[0], SCENE)
    assert shown[4].shape == (9, 32, 3) and not np.array_equal(shown[4], shown[5])
    with pytest.raises(RecordError, match="nothing to show"):
        sheet(model, [], "title")
    with pytest.raises(RecordError, match="no spike camera"):
        sheet(nn.Identity(), [pick], "title")
    assert torch.is_grad_enabled()
