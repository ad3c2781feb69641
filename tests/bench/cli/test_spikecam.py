"""``bench data spikecam``: from images to a recording, and from a recording to figures and a video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from bench.cli.data import data
from bench.data.spikecam.geometry import Geometry
from bench.data.spikecam.playing import tfi_pictures, tfp_pictures
from bench.data.spikecam.simulating import simulated
from bench.data.spikecam.stream import SpikeStream
from bench.data.spikecam.writer import write_recording
from bench.foundation.errors import BenchError
from zoo.cameras.pixels import spike_count
from zoo.cameras.reconstruction import tfi, tfp


def bench(*words: object) -> Result:
    return CliRunner().invoke(data, ["spikecam", *map(str, words)], standalone_mode=False)


def refused(result: Result, *words: str) -> None:
    assert isinstance(result.exception, BenchError), result
    for word in words:
        assert word in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two images of 8 x 12: one dark on the left and bright on the right, one of the other kind."""
    folder = tmp_path / "images"
    folder.mkdir()
    ramp = np.tile(np.linspace(0, 255, 12).round().astype(np.uint8), (8, 1))
    Image.fromarray(ramp).save(folder / "1.png")
    Image.fromarray(ramp[:, ::-1].copy()).save(folder / "2.png")
    return folder


def test_images_become_a_recording_that_can_be_played(images: Path, tmp_path: Path) -> None:
    recording = tmp_path / "spikes.dat"
    made = bench("simulate", images, "--out", recording, "--ticks", 50, "--photons", 500, "--seed", 3)
    assert made.output == f"{recording}: 100 planes of 8 x 12\n"
    facts = json.loads(bench("info", recording, "--json").output)
    planes = SpikeStream.open(recording).planes(0, 100)
    assert facts["spikes"] == planes.sum() and facts["rate"] == pytest.approx(planes.mean())
    assert (facts["height"], facts["width"], facts["planes"], facts["bytes"]) == (8, 12, 100, 1200)
    assert facts["seconds"] == 0.0025 and facts["saturated_pixels"] == 0
    assert "8 x 12 pixels, 100 planes, 0.0025 s at 40,000 Hz" in bench("info", recording).output
    first, second = planes[:50].mean(0), planes[50:].mean(0)
    assert abs(first.mean(0) - np.linspace(0, 0.5, 12)).max() < 0.03
    assert abs(second.mean(0) - np.linspace(0.5, 0, 12)).max() < 0.03
    for method in ("tfp", "tfi"):
        video = tmp_path / f"{method}.webp"
        played = bench("play", recording, "--out", video, "--method", method, "--half", 8, "--every", 20)
        assert played.output == f"{video}: 5 pictures\n"
        with Image.open(video) as opened:
            assert opened.n_frames == 5 and opened.size == (12, 8)
    again = tmp_path / "again.dat"
    bench("simulate", images, "--out", again, "--ticks", 50, "--photons", 500, "--seed", 3)
    assert again.read_bytes() == recording.read_bytes()


def test_pictures_from_packed_planes_are_those_of_the_zoo(tmp_path: Path) -> None:
    path = tmp_path / "spikes.dat"
    planes = np.random.default_rng(0).random((60, 4, 6)) < np.linspace(0, 1, 6)
    write_recording(path, [planes], Geometry(4, 6, 6))
    stream, spikes = SpikeStream.open(path), torch.from_numpy(planes).float()
    of_tfp, of_tfi = list(tfp_pictures(stream, 7, 5)), list(tfi_pictures(stream, 7, 5))
    assert len(of_tfp) == len(of_tfi) == 10
    for number in range(10):
        key = 7 + 5 * number
        torch.testing.assert_close(torch.from_numpy(of_tfp[number]), tfp(spikes, half=7, at=key))
        torch.testing.assert_close(torch.from_numpy(of_tfi[number]), tfi(spikes, window=7, at=key))


def test_a_recording_in_blocks_counts_the_light_of_all_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held goes on from block to block and from scene to scene: the count is that of the closed form."""
    monkeypatch.setattr("bench.data.spikecam.simulating.AT_ONCE", 24 * 7)
    scene = torch.arange(24).view(4, 6) / 32
    blocks = list(simulated((scene, scene), ticks=20, gain=1.0, seed=5))
    assert [len(block) for block in blocks] == [7, 7, 6, 7, 7, 6]
    counts = torch.from_numpy(np.concatenate(blocks)).sum(0)
    assert ((counts - spike_count(scene, ticks=40, start=0.5)).abs() <= 1).all()
    assert (counts >= (40 * scene).floor()).all() and (counts <= (40 * scene).floor() + 1).all()


def test_what_cannot_be_simulated(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "spikes.dat"
    refused(bench("simulate", tmp_path / "nowhere.png", "--out", out), "is not there")
    refused(bench("simulate", images, "--out", out, "--gain", 0), "cannot be recorded", "positive gain")
    refused(bench("simulate", images, "--out", tmp_path / "none" / "spikes.dat"), "cannot be written")
    Image.new("L", (3, 3)).save(tmp_path / "odd.png")
    refused(bench("simulate", tmp_path / "odd.png", "--out", out), "no whole number of bytes")
    Image.new("L", (8, 8)).save(images / "3.png")
    refused(bench("simulate", images, "--out", out, "--ticks", 2), "scene 2 is (8, 8), the first one (8, 12)")
    assert not out.exists()
    (tmp_path / "empty").mkdir()
    refused(bench("simulate", tmp_path / "empty", "--out", out), "holds no images")


def test_what_cannot_be_played(images: Path, tmp_path: Path) -> None:
    recording = tmp_path / "spikes.dat"
    bench("simulate", images, "--out", recording, "--ticks", 10)
    refused(bench("play", recording, "--out", tmp_path / "video.mp4"), "ends in .webp")
    refused(bench("play", recording, "--out", tmp_path / "video.webp", "--half", 30), "a window of 61 ticks is longer")
    refused(bench("play", recording, "--out", tmp_path / "none" / "video.webp", "--half", 2), "cannot be written")
    bench("simulate", images, "--out", recording, "--ticks", 400)
    words = ("play", recording, "--out", tmp_path / "video.webp", "--half", 1, "--every", 1)
    refused(bench(*words), "at most 600 pictures", "larger --every")
    refused(bench("play", tmp_path / "none.dat", "--out", tmp_path / "video.webp"), "is no file")
    refused(bench("info", tmp_path / "none.dat"), "is no file")
