"""Pictures as scenes over time: the same samples T times over, and an attacker whose light flickers, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from bench.cli.main import cli
from bench.data import load_samples
from bench.data.base import Samples
from bench.foundation.errors import BenchError


def test_a_scene_is_its_picture_at_every_tick() -> None:
    pictures, scenes = (load_samples(name, n=4) for name in ("cifar10", "scenes:cifar10,T=5"))
    assert scenes.shape == (4, 5, 3, 32, 32) and scenes.name == "scenes:cifar10,T=5"
    assert all(torch.equal(scenes.images[:, tick], pictures.images) for tick in range(5))
    assert torch.equal(scenes.labels, pictures.labels) and torch.equal(scenes.ids, pictures.ids)
    # Nothing is stored T times, and the hash is that of samples which are.
    assert isinstance(scenes.source, torch.Tensor) and scenes.source.stride(1) == 0
    stored = Samples(scenes.pixels.contiguous(), scenes.labels, scenes.ids, "stored", "test")
    assert scenes.sha256() == stored.sha256() != pictures.sha256()


def test_the_cameras_of_the_zoo_have_the_usual_number_of_ticks() -> None:
    assert load_samples("scenes:cifar10", n=1).shape == (1, 32, 3, 32, 32)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("scenes:", "read from your own copy"),
        ("scenes:cifar10,T=0", "no number of ticks"),
        ("scenes:cifar10,T=9999", "no number of ticks"),
        ("scenes:cifar10,T=a", "no number of ticks"),
        ("scenes:no_such_set", "no_such_set"),
        ("scenes:nmnist_sim", "no pictures in memory"),
        ("scenes:scenes:cifar10", "no pictures in memory"),
    ],
)
def test_what_is_no_scene_is_refused_in_a_sentence(spec: str, what: str) -> None:
    with pytest.raises(BenchError, match=what):
        load_samples(spec, n=1)


def test_light_may_flicker_from_the_command_line(tmp_path: Path) -> None:
    asked = ["evaluate", "--model", "zoo:cam_tfp_snn", "--data", "scenes:cifar10", "--threat", "flicker:budget=4/255"]
    settings = ["--attack", "pgd:steps=1", "--n", "1", "--eot", "1", "--scorings", "2", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(cli, [*asked, *settings], standalone_mode=False)
    assert done.exception is None, done.output
    (record,) = tmp_path.rglob("record.json")
    fields = json.loads(record.read_text())
    assert fields["norm"] == "flicker" and fields["data"]["name"] == "scenes:cifar10,T=32"
