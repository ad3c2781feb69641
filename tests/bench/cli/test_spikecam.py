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


@pytest.mark.parametrize("ending", ["png", "gif", "webp"])
def test_frames_of_a_video_are_recorded_like_images_of_a_folder(images: Path, tmp_path: Path, ending: str) -> None:
    video = tmp_path / f"video.{ending}"
    first, second = (Image.open(images / name) for name in ("1.png", "2.png"))
    first.save(video, save_all=True, append_images=[second], duration=40, **({"lossless": True} if ending == "webp" else {}))
    recordings = [tmp_path / name for name in ("folder.dat", "video.dat")]
    for shown, recording in zip((images, video), recordings, strict=True):
        made = bench("simulate", shown, "--out", recording, "--ticks", 40, "--photons", 300)
        assert made.output == f"{recording}: 80 planes of 8 x 12\n"
    counts = [SpikeStream.open(path).planes(0, 80).reshape(2, 40, 8, 12).sum(1) for path in recordings]
    # Grey that was stored as three equal colours may differ in the last bit of a sum, and so by a spike.
    assert np.abs(counts[0] - counts[1]).max() <= 1 and counts[0].sum() > 0


def test_a_played_recording_can_be_recorded_again(images: Path, tmp_path: Path) -> None:
    """The pictures of a video show half of the light, as a camera of gain 0.5 saw it; lossy compression costs little."""
    recording, video, again = (tmp_path / name for name in ("spikes.dat", "video.webp", "again.dat"))
    bench("simulate", images, "--out", recording, "--ticks", 100)
    bench("play", recording, "--out", video, "--half", 40, "--every", 100)
    made = bench("simulate", video, "--out", again, "--ticks", 100, "--gain", 1)
    assert made.output == f"{again}: 200 planes of 8 x 12\n"
    rates = [SpikeStream.open(path).planes(0, 200).reshape(2, 100, 8, 12).mean((1, 2)) for path in (recording, again)]
    assert np.abs(rates[0] - rates[1]).max() < 0.05


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
    (tmp_path / "film.mp4").write_bytes(b"ftyp")
    refused(bench("simulate", tmp_path / "film.mp4", "--out", out), "format that is not read", "animated WebP, PNG or GIF")
    (tmp_path / "film.gif").write_bytes(b"GIF89a damaged")
    refused(bench("simulate", tmp_path / "film.gif", "--out", out), "cannot be read")
    frames = [Image.new("RGBA", (8, 8), (0, 0, level, 128)) for level in (0, 255)]
    frames[0].save(tmp_path / "glass.png", save_all=True, append_images=frames[1:])
    refused(bench("simulate", tmp_path / "glass.png", "--out", out), "partly transparent")
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
