"""The simulated set: what ships, how it is packed, and what is said where it is missing or damaged."""

from __future__ import annotations

import lzma
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.data import load_samples, nmnist_sim
from bench.data.base import Samples
from bench.data.events.packed import Recordings, binary_frames, shipped, unshipped
from bench.data.info import StoredFile
from bench.data.nmnist_sim import LABELS, RECORDINGS, SHAPE, TEST, from_bytes, shipped_recordings, to_bytes
from bench.data.verified import md5_bytes
from bench.foundation.errors import DataError, TooFewError

MILLISECONDS, PLACES = 30, 7


@st.composite
def recordings(draw: st.DrawFn) -> Recordings:
    """A few short recordings, some of them empty; at most one event a place and millisecond."""
    number, seed = draw(st.integers(1, 4)), draw(st.integers(0, 2**31))
    there = np.random.default_rng(seed).random((number, MILLISECONDS, PLACES)) < draw(st.sampled_from([0.0, 0.02, 0.5]))
    return Recordings(there.sum(2).astype(np.uint16), np.nonzero(there)[2].astype(np.uint16))


@given(recordings())
def test_what_ships_is_read_back(original: Recordings) -> None:
    content = shipped(original, places=PLACES)
    read = unshipped(content, number=len(original), milliseconds=MILLISECONDS, places=PLACES)
    assert np.array_equal(read.counts, original.counts) and np.array_equal(read.places, original.places)


@given(recordings(), st.data())
def test_damage_is_an_error_or_still_recordings(original: Recordings, data: st.DataObject) -> None:
    content = bytearray(lzma.decompress(shipped(original, places=PLACES)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    for damaged in (lzma.compress(content), lzma.compress(cut), cut):
        try:
            read = unshipped(damaged, number=len(original), milliseconds=MILLISECONDS, places=PLACES)
        except ValueError:
            continue
        assert len(read) == len(original)


def test_frames_are_cut_at_equal_times() -> None:
    # Two recordings of 6 ms: events at 0, 2 and 5 ms, and at 3 ms.
    counts = np.array([[1, 0, 1, 0, 0, 1], [0, 0, 0, 2, 0, 0]], np.uint16)
    frames = binary_frames(Recordings(counts, np.array([1, 0, 1, 0, 1], np.uint16)), frames=3, shape=(1, 1, 2))
    assert frames[0, :, 0, 0].tolist() == [[False, True], [True, False], [False, True]]
    assert frames[1, :, 0, 0].tolist() == [[False, False], [True, True], [False, False]]
    with pytest.raises(ValueError, match="no 4 frames"):
        binary_frames(Recordings(counts, np.zeros(5, np.uint16)), frames=4, shape=(1, 1, 2))


def test_a_part_of_the_recordings_is_that_part() -> None:
    whole, _ = shipped_recordings()
    part = whole.take(1990, 2100)
    assert np.array_equal(part.counts, whole.counts[1990:])
    assert np.array_equal(part.places, whole.places[len(whole.places) - int(part.counts.sum()) :])


def test_stored_recordings_are_read_back() -> None:
    whole, labels = shipped_recordings()
    read, read_labels = from_bytes(to_bytes(whole, labels.astype(np.int64)), TEST)
    assert np.array_equal(read.places, whole.places) and np.array_equal(read_labels, labels)
    with pytest.raises(ValueError):
        from_bytes(to_bytes(whole, labels.astype(np.int64))[:-2], TEST)


def test_the_test_recordings_ship() -> None:
    samples = load_samples("nmnist_sim", n=50)
    assert samples.shape == (50, 10, *SHAPE) and samples.pixels.dtype == torch.bool
    assert samples.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # of MNIST's first test images
    assert samples.ids.tolist() == list(range(50))
    assert set(samples.images.unique().tolist()) == {0.0, 1.0}
    density = samples.images.mean((1, 2, 3, 4))
    assert float(density.min()) > 0.01 and float(density.max()) < 0.25


def test_training_recordings_are_made_from_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros(40, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 8:20, 10:14] = torch.arange(100, 140, dtype=torch.uint8).view(-1, 1, 1, 1)
    digits = Samples(images, torch.arange(40) % 2, torch.arange(40), "mnist", "train_full")
    monkeypatch.setattr(nmnist_sim, "TRAIN", 40)
    monkeypatch.setattr(nmnist_sim.MNIST, "get", lambda *_, **__: None)
    monkeypatch.setattr(nmnist_sim.MNIST, "load", lambda *_, **__: digits)
    seen: list[tuple[int, int | None]] = []

    def progress(what: str, done: int, total: int | None) -> None:
        seen.append((done, total))

    content = to_bytes(nmnist_sim.recorded(digits, progress), digits.labels.numpy())
    file = StoredFile("train.bin", "train", len(content), md5_bytes(content))
    chosen = replace(nmnist_sim.SimulatedNMNIST(), files=(file,))
    assert str(chosen.get(tmp_path, source=None, progress=progress)).endswith("raw")
    assert chosen.get(tmp_path, source=None, progress=progress) is None
    assert seen[0] == (0, images.numel())
    train, val = (chosen.load(split, tmp_path) for split in ("train", "val"))
    assert (len(train), len(val)) == (36, 4) and train.shape[1:] == (10, *SHAPE)
    assert not set(train.ids.tolist()) & set(val.ids.tolist())
    # The same picture under the same id is another recording for testing than for training.
    first = nmnist_sim.recorded(digits, progress).take(0, 1)
    other = nmnist_sim.recorded(replace(digits, split="test"), progress).take(0, 1)
    assert not np.array_equal(first.places, other.places)
    wrong = replace(chosen, files=(replace(file, md5="0" * 32),))
    with pytest.raises(DataError, match="damaged"):
        wrong.get(tmp_path, source=None, progress=progress)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not on this machine"):
        load_samples("nmnist_sim", split="train", root=tmp_path)
    with pytest.raises(TooFewError):
        load_samples("nmnist_sim", n=2001)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    source = Path(load_samples.__code__.co_filename).parent / "embedded"
    content = (source / RECORDINGS).read_bytes()
    (tmp_path / LABELS).write_bytes((source / LABELS).read_bytes())
    with pytest.raises(DataError, match="cannot be read"):
        shipped_recordings(tmp_path)
    (tmp_path / RECORDINGS).write_bytes(content[:-100])
    with pytest.raises(DataError, match="cannot be read"):
        shipped_recordings(tmp_path)
    (tmp_path / RECORDINGS).write_bytes(content)
    (tmp_path / LABELS).write_bytes(bytes(TEST))
    with pytest.raises(DataError, match="not the ones that ship"):
        shipped_recordings(tmp_path)
