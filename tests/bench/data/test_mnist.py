from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.mnist import MNIST, FashionMNIST, read_idx, write_idx
from bench.foundation.errors import DataError

Progress = Callable[[str, int, int | None], None]
Write = Callable[[Path, dict[str, bytes]], Path]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_idx_survives_a_round_trip(shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    back = read_idx(write_idx(array))
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


@given(st.binary(max_size=40))
def test_other_bytes_are_read_or_refused_with_a_sentence(content: bytes) -> None:
    with suppress(ValueError):
        assert read_idx(content).dtype == np.uint8


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("where", ["MNIST/raw", "usr/share/datasets/some/set", "."])
def test_raw_and_zipped_files_are_found(
    zipped: bool,
    where: str,
    digits: tuple[MNIST, dict[str, bytes]],
    tmp_path: Path,
    write_all: Write,
    silent: Progress,
) -> None:
    chosen, contents = digits
    given_files = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()} if zipped else contents
    write_all(tmp_path / "own" / where, given_files)
    chosen.get(tmp_path / "root", source=tmp_path / "own", progress=silent)
    samples = chosen.load("test", tmp_path / "root")
    assert samples.pixels.shape == (20, 1, 28, 28)
    assert samples.labels.tolist() == [i % 10 for i in range(20)]


def test_the_right_set_is_chosen_among_sets_with_the_same_names(
    digits: tuple[MNIST, dict[str, bytes]], tmp_path: Path, write_all: Write, silent: Progress
) -> None:
    chosen, contents = digits
    write_all(tmp_path / "own" / "FashionMNIST" / "raw", {name: bytes(len(c)) for name, c in contents.items()})
    write_all(tmp_path / "own" / "MNIST" / "raw", contents)
    chosen.get(tmp_path / "root", source=tmp_path / "own", progress=silent)
    assert len(chosen.load("test", tmp_path / "root")) == 20


def test_a_cut_gzip_is_a_reason(
    digits: tuple[MNIST, dict[str, bytes]], tmp_path: Path, write_all: Write, silent: Progress
) -> None:
    chosen, contents = digits
    own = write_all(tmp_path / "own", {f"{name}.gz": gzip.compress(content)[:-20] for name, content in contents.items()})
    with pytest.raises(DataError, match="zipped IDX cannot be read"):
        chosen.get(tmp_path / "root", source=own, progress=silent)


@pytest.mark.parametrize("chosen", [MNIST(), FashionMNIST()], ids=["mnist", "fashion"])
def test_the_real_set(chosen: MNIST | FashionMNIST) -> None:
    if not chosen.present():
        pytest.skip(f"{chosen.info.name} is not in the data root")
    for split, count in chosen.info.splits.items():
        samples = chosen.load(split)
        assert samples.pixels.shape == (count, 1, 28, 28)
        assert samples.labels.unique().tolist() == list(range(10))
