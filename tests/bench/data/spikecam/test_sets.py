"""``spikecam:PATH``: classes, splits, ticks, and what is said of folders that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.spike_recordings import packed_by_hand, put_recording

from bench.data import load_samples
from bench.foundation.errors import DataError


def planes_of(seed: int, ticks: int = 40) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.random.default_rng(seed).random((ticks, 4, 6)) < 0.4


def put_class(top: Path, name: str, seeds: range, ticks: int = 40) -> None:
    for seed in seeds:
        content = packed_by_hand(planes_of(seed, ticks), 6, list(range(6)))
        put_recording(top / name, content, 4, 6, f"{seed:03}.dat")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two classes, 20 and 10 recordings for training, 1 and 2 for testing."""
    for name, seeds in (("train/box", range(20)), ("train/ape", range(20, 30)), ("test/box", range(30, 31))):
        put_class(tmp_path, name, seeds)
    put_class(tmp_path, "test/ape", range(31, 33))
    return tmp_path


def test_splits_and_classes(recordings: Path) -> None:
    sets = {split: load_samples(f"spikecam:{recordings}", split=split) for split in ("test", "train", "val", "train_full")}
    assert {split: len(samples) for split, samples in sets.items()} == {"test": 3, "train": 27, "val": 3, "train_full": 30}
    assert all(samples.class_names == ("ape", "box") for samples in sets.values())
    assert sets["test"].labels.tolist() == [0, 0, 1] and sets["test"].ids.tolist() == [0, 1, 2]
    assert sorted(sets["train"].ids.tolist() + sets["val"].ids.tolist()) == list(range(30))
    assert sets["val"].ids.tolist() == [9, 28, 29]


def test_the_middle_of_a_recording_is_a_sample(recordings: Path) -> None:
    samples = load_samples(f"spikecam:{recordings},T=16", n=2)
    assert samples.shape == (2, 16, 1, 4, 6) and samples.pixels.dtype == torch.bool
    expected = [planes_of(seed)[12:28, None] for seed in (31, 32)]
    np.testing.assert_array_equal(samples.images.numpy(), expected)
    first = load_samples(f"spikecam:{recordings},T=8,from=first", n=1)
    np.testing.assert_array_equal(first.pixels.numpy()[0, :, 0], planes_of(31)[:8])
    assert (samples.name, first.name) == ("spikecam:T=16,from=middle", "spikecam:T=8,from=first")


def test_folders_of_classes_alone_are_for_testing(tmp_path: Path) -> None:
    put_class(tmp_path, "box", range(2))
    put_class(tmp_path, "ape", range(2, 3))
    (tmp_path / "box" / "config.yaml").replace(tmp_path / "config.yaml")  # one for all
    assert load_samples(f"spikecam:{tmp_path}").labels.tolist() == [0, 1, 1]
    with pytest.raises(DataError, match="has no recordings for train"):
        load_samples(f"spikecam:{tmp_path}", split="train")


def shorten(top: Path) -> None:
    put_class(top / "test", "box", range(30, 31), ticks=20)


def another_camera(top: Path) -> None:
    put_recording(top / "test" / "box", bytes(3 * 40), 6, 4, "030.dat")


def remove_recordings(top: Path) -> None:
    for path in (top / "test").rglob("*.dat"):
        path.unlink()


def remove_configurations(top: Path) -> None:
    for path in (top / "test").rglob("config.yaml"):
        path.unlink()


WRONG: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no folder": (lambda top: None, "/nowhere", "is not a folder"),
    "ticks that are none": (lambda top: None, ",T=0", "T=0 is no number of ticks"),
    "too many ticks": (lambda top: None, ",T=9999", "T=9999 is no number of ticks"),
    "an unknown place": (lambda top: None, ",from=last", "from=last is no place"),
    "too short": (shorten, "", "has 20 planes, fewer than T=32"),
    "another camera": (another_camera, "", r"is of another camera \(6 x 4\)"),
    "no recordings": (remove_recordings, "", "has no .dat files"),
    "no configuration": (remove_configurations, "", "There is no config.yaml beside"),
    "a folder without classes": (lambda top: None, "/test/box", "has no folders of classes"),
}


@pytest.mark.parametrize(("change", "more", "words"), WRONG.values(), ids=WRONG)
def test_folders_that_are_none(recordings: Path, change: Callable[[Path], object], more: str, words: str) -> None:
    change(recordings)
    with pytest.raises(DataError, match=words) as caught:
        load_samples(f"spikecam:{recordings}{more}")
    assert "\n" not in str(caught.value)


def test_too_many_samples_and_unknown_splits(recordings: Path) -> None:
    with pytest.raises(DataError, match="4 samples were asked for"):
        load_samples(f"spikecam:{recordings}", n=4)
    with pytest.raises(DataError, match="spikecam has no split 'night'"):
        load_samples(f"spikecam:{recordings}", split="night")
