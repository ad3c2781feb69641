from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.data.base import Samples, held_out
from bench.foundation.errors import DataError


def some(n: int = 6) -> Samples:
    pixels = torch.arange(n * 12, dtype=torch.uint8).reshape(n, 3, 2, 2)
    return Samples(pixels, torch.arange(n) % 3, torch.arange(n) + 100, "some", "test")


def test_images_are_floats_between_0_and_1() -> None:
    images = some().images
    assert images.dtype == torch.float32
    torch.testing.assert_close(images[0, 2, 1, 1], torch.tensor(11 / 255))


def test_ids_stay_with_their_images_in_every_slice() -> None:
    samples = some()
    for part in (samples.take(2), samples[3:], samples[torch.tensor([5, 0])], samples[samples.labels == 1]):
        for i, number in enumerate(part.ids.tolist()):
            torch.testing.assert_close(part.pixels[i], samples.pixels[number - 100])


@pytest.mark.parametrize("n", [0, -1, 7])
def test_taking_more_than_there_is_is_an_error(n: int) -> None:
    with pytest.raises(DataError, match="at most 6" if n > 0 else "at least 1"):
        some().take(n)


def test_hash_is_of_content_and_shape() -> None:
    samples = some()
    again = Samples(samples.pixels.clone(), samples.labels, samples.ids, "other name", "val")
    assert again.sha256() == samples.sha256()
    for other in (
        samples.take(5),
        Samples(samples.pixels + 1, samples.labels, samples.ids, "some", "test"),
        Samples(samples.pixels, samples.labels.flip(0), samples.ids, "some", "test"),
        Samples(samples.pixels, samples.labels, samples.ids + 1, "some", "test"),
        Samples(samples.pixels.reshape(6, 2, 3, 2), samples.labels, samples.ids, "some", "test"),
        Samples(samples.images, samples.labels, samples.ids, "some", "test"),
    ):
        assert other.sha256() != samples.sha256()


def test_hash_does_not_depend_on_memory_layout() -> None:
    samples = some()
    turned = samples.pixels.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert Samples(turned, samples.labels, samples.ids, "some", "test").sha256() == samples.sha256()


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (torch.zeros(2, 3, 4, 4), torch.zeros(3, dtype=torch.long), "do not fit"),
        (torch.zeros(0, 3, 4, 4), torch.zeros(0, dtype=torch.long), "do not fit"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.int64), torch.tensor([0, 1]), "no known range"),
        (torch.full((2, 3, 4, 4), 1.01), torch.tensor([0, 1]), "leave"),
    ],
)
def test_tensors_that_are_no_samples_are_refused(images: torch.Tensor, labels: torch.Tensor, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Samples.of(images, labels)


def test_own_tensors_become_samples() -> None:
    samples = Samples.of(torch.rand(4, 1, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 3], dtype=torch.int32))
    assert samples.images.dtype == torch.float32
    assert samples.labels.dtype == torch.int64
    assert samples.ids.tolist() == [0, 1, 2, 3]


def test_own_arrays_become_the_samples_that_their_tensors_do() -> None:
    images, labels = np.random.default_rng(0).random((4, 1, 2, 2)), np.arange(4)
    wanted = Samples.of(torch.from_numpy(images), torch.from_numpy(labels))
    read_only = images[::-1][::-1]
    read_only.flags.writeable = False
    for x, y in ((images, labels), (read_only, labels.astype(np.uint8)), (images, torch.from_numpy(labels))):
        samples = Samples.of(x, y)
        assert samples.sha256() == wanted.sha256()
        assert samples.pixels.data_ptr() != images.ctypes.data
    for nothing in ("photos", None, np.array([None] * 4), [[1], [1, 2]]):
        with pytest.raises(DataError, match="does not hold samples"):
            Samples.of(nothing, labels)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 4), max_size=200))
def test_held_out_is_the_last_tenth_of_each_class(labels: list[int]) -> None:
    mask = held_out(torch.tensor(labels, dtype=torch.int64), 5).tolist()
    for label in range(5):
        of_class = [held for held, one in zip(mask, labels, strict=True) if one == label]
        tenth = len(of_class) // 10
        assert of_class == [False] * (len(of_class) - tenth) + [True] * tenth
