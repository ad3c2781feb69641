"""Images and labels that are handed over in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.data.base import Samples, own_samples
from bench.data.own_arrays import class_labels, image_pixels, score_labels
from bench.foundation.errors import DataError

BYTES = np.arange(2 * 3 * 6 * 6, dtype=np.uint8).reshape(2, 3, 6, 6)
UNIT = BYTES / 255.0


@pytest.mark.parametrize(
    "images",
    [
        UNIT,
        UNIT.tolist(),
        list(UNIT),
        list(torch.from_numpy(UNIT)),
        tuple(torch.from_numpy(UNIT).unbind()),
        UNIT.astype(">f8"),
        UNIT.astype(np.longdouble).astype(np.float64)[:, :, ::-1][:, :, ::-1],
        torch.from_numpy(UNIT).requires_grad_(),
        torch.from_numpy(UNIT).to_sparse(),
        np.ma.masked_array(UNIT),
    ],
)
def test_floating_point_of_any_kind(images: Any) -> None:
    pixels = image_pixels(images)
    assert pixels.dtype == torch.float32 and not pixels.requires_grad
    torch.testing.assert_close(pixels, torch.from_numpy(UNIT).float())


@pytest.mark.parametrize("images", [BYTES, torch.from_numpy(BYTES), list(BYTES), list(torch.from_numpy(BYTES))])
def test_bytes_stay_bytes(images: Any) -> None:
    assert torch.equal(image_pixels(images), torch.from_numpy(BYTES))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_read(kind: torch.dtype) -> None:
    assert image_pixels(torch.tensor([[0.5, 1.0]], dtype=kind)).tolist() == [[0.5, 1.0]]


FLOATS = torch.from_numpy(BYTES).float()
MEAN, STD = torch.tensor([0.49, 0.48, 0.45]).view(3, 1, 1), torch.tensor([0.2, 0.2, 0.2]).view(3, 1, 1)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (FLOATS, r"go from 0 to 215\. They seem to go from 0 to 255: divide them by 255"),
        (FLOATS / 127.5 - 1, r"go from -1 to 0\.6863\. They seem to go from -1 to 1: give \(x \+ 1\) / 2"),
        ((FLOATS / 255 - MEAN) / STD, "normalised by mean and std"),
        (FLOATS / 255 + 1e-3 + 0.2, "leave"),
        (FLOATS * 1000, r"leave \[0,1\]: they go from 0 to 2\.15e\+05\. Give them in"),
        (torch.full((2, 3, 4, 4), float("nan")), "hold NaN"),
        (torch.full((2, 3, 4, 4), float("inf")), "leave"),
        (torch.from_numpy(BYTES).long(), r"int64 have no known range\. They seem to go from 0 to 255: give them as uint8"),
        (BYTES.astype(np.uint16) * 257, r"have no known range\. They go from 0 to 55255"),
        (BYTES.astype(np.int64).tolist(), "no known range"),
        (BYTES > 100, r"bool have no known range\. If True is white"),
        (BYTES.astype(np.complex64), "complex64 have no known range"),
        ((BYTES > 100).astype(np.uint8), r"no number above 1\. If 1 is white"),
        (BYTES.transpose(0, 2, 3, 1), r"\(2, 6, 6, 3\) seem to have their channels last\. Give \(N, C, H, W\)"),
        (UNIT.transpose(0, 2, 3, 1)[..., :1], "channels last"),
        (np.zeros(3), r"shape \(3,\) are no images"),
        (3.0, r"shape \(\) are no images"),
        (None, "does not hold samples"),
        ("photos", "does not hold samples"),
        ([np.zeros((3, 4, 4)), np.zeros((3, 4, 5))], "does not hold samples"),
        ([torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)], "does not hold samples"),
        ([[0.1], [0.2, 0.3]], "does not hold samples"),
        (np.array([None, 1]), "does not hold samples"),
        ([2**70, 1], "does not hold samples"),
        (iter([]), "does not hold samples"),
    ],
)
def test_images_that_are_refused_say_why(images: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        image_pixels(images)


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, 1],
        (2, 0, 1),
        np.array([2, 0, 1], np.uint8),
        np.array([2, 0, 1], np.uint64),
        np.array([2, 0, 1], ">i2"),
        np.array([2.0, 0.0, 1.0]),
        torch.tensor([2.0, 0.0, 1.0], dtype=torch.float16),
        np.array([[2], [0], [1]]),
        pd.Series([2, 0, 1], index=[5, 6, 7]),
        pd.DataFrame({"label": [2, 0, 1]}),
        np.eye(3)[[2, 0, 1]],
        torch.eye(3, dtype=torch.bool)[[2, 0, 1]],
        [torch.tensor(2), torch.tensor(0), torch.tensor(1)],
    ],
)
def test_labels_that_are_read(labels: Any) -> None:
    read = class_labels(labels)
    assert read.dtype == torch.int64 and read.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0.5, 1.0], "whole numbers from 0"),
        ([0, -1], "whole numbers from 0, and -1 is among them"),
        ([0.0, -1.0], "-1 is among them"),
        ([float("nan"), 1.0], "NaN or infinity"),
        ([float("inf"), 1.0], "NaN or infinity"),
        ([1e30, 1.0], "whole numbers"),
        ([True, False], "truth values"),
        ([1j, 0], "complex"),
        ([[0.3, 0.7], [1.0, 0.0]], r"shape \(2, 2\) are not one-hot"),
        ([[0, 0], [0, 1]], "not one-hot"),
        ([[1, 1], [0, 1]], "not one-hot"),
        ([[[1]]], "not one for each image"),
        (3, "not one for each image"),
        (["cat", "dog"], "does not hold samples"),
    ],
)
def test_labels_that_are_refused(labels: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        class_labels(labels)


def test_scores() -> None:
    assert score_labels(np.array([[1], [5]], np.int32)).tolist() == [1.0, 5.0]
    for scores, sentence in (([1.0, float("nan")], "not all finite"), ([1e300], "not all finite"), ([True], "no numbers")):
        with pytest.raises(DataError, match=sentence):
            score_labels(scores)


@pytest.mark.parametrize(("images", "labels"), [(2, 3), (0, 0), (3, 2)])
def test_as_many_labels_as_images(images: int, labels: int) -> None:
    with pytest.raises(DataError, match=f"{images} images and {labels} labels do not fit together"):
        Samples.of(torch.zeros(images, 3, 4, 4), torch.zeros(labels, dtype=torch.int64))


@pytest.mark.parametrize("data", [{"x": 1}, torch.utils.data.TensorDataset(FLOATS), (1, 2, 3), 5, [FLOATS]])
def test_what_is_no_pair_is_no_data(data: Any) -> None:
    with pytest.raises(DataError, match=r"is no data\. Give a name, or a pair \(images, labels\)"):
        own_samples(data)


def test_a_pair_or_samples_are_data() -> None:
    samples = own_samples((BYTES, [0, 1]))
    assert own_samples(samples) is samples and own_samples([UNIT, [0.5, 1]], scores=True).labels.tolist() == [0.5, 1.0]


@given(
    arrays.arrays(
        st.one_of(arrays.scalar_dtypes(), arrays.unsigned_integer_dtypes()),
        arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
    )
)
def test_any_array_is_read_or_refused(array: Any) -> None:
    for read in (image_pixels, class_labels, score_labels):
        try:
            tensor = read(array)
        except DataError:
            continue
        assert tensor.dtype in (torch.uint8, torch.float32, torch.int64)
        if read is image_pixels and tensor.dtype == torch.float32 and tensor.numel():
            assert float(tensor.amin()) >= 0 and float(tensor.amax()) <= 1
