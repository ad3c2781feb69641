"""Images and labels that a user hands over in Python, as tensors, arrays or lists: what is unambiguous is read.

Images are uint8, or floating point in [0,1]. Labels are whole numbers from 0 in any type of number, also as a column
(N, 1) or one-hot (N, K). Everything else is refused in a sentence that names the likely cause: values of 0 to 255 as
floating point, normalised images, channels last, labels from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.foundation.errors import DataError

Array = Tensor | NDArray[Any] | Sequence[Any]


def image_pixels(images: Array) -> Tensor:
    """uint8, or float32 in [0,1], (N, ...). Raises ``DataError``."""
    pixels = _tensor(images, "images")
    if pixels.ndim < 2:
        raise DataError(f"Images of shape {tuple(pixels.shape)} are no images.", "Give images (N, C, H, W).")
    if _channels_are_last(pixels):
        raise DataError(
            f"Images of shape {tuple(pixels.shape)} seem to have their channels last.",
            "Give (N, C, H, W): x.permute(0, 3, 1, 2) of a tensor, x.transpose(0, 3, 1, 2) of an array.",
        )
    if pixels.dtype == torch.uint8:
        if pixels.numel() and int(pixels.max()) == 1:
            raise DataError(
                "Images are uint8, of which 255 is white, but hold no number above 1.",
                "If 1 is white, give them as floating point: x.float().",
            )
        return pixels
    if not pixels.dtype.is_floating_point:
        raise DataError(f"Images of type {_type(pixels)} have no known range.", _range_fix(pixels))
    pixels = pixels.float()
    if pixels.numel():
        _check_range(pixels)
    return pixels


def class_labels(labels: Array) -> Tensor:
    """int64 (N,). Raises ``DataError``."""
    numbers = _tensor(labels, "labels")
    if numbers.ndim == 2 and numbers.shape[1] > 1:
        return _from_one_hot(numbers)
    numbers = _flat(numbers)
    fix = "Give class indices from 0, for example labels.long()."
    if numbers.dtype == torch.bool:
        raise DataError("Labels are truth values.", "Give class indices: labels.long() makes True class 1.")
    if numbers.dtype.is_complex:
        raise DataError("Labels are complex numbers.", fix)
    if numbers.dtype.is_floating_point:
        if not bool(numbers.isfinite().all()):
            raise DataError("Labels hold NaN or infinity.", "Leave out images that have no label.")
        if not bool((numbers == numbers.round()).all()) or not bool((numbers.abs() < 2**31).all()):
            raise DataError("Labels must be whole numbers from 0.", fix)
    whole = numbers.long()
    if whole.numel() and int(whole.min()) < 0:
        raise DataError(f"Labels must be whole numbers from 0, and {int(whole.min())} is among them.", fix)
    return whole


def score_labels(labels: Array) -> Tensor:
    """float32 (N,), finite. Raises ``DataError``."""
    numbers = _flat(_tensor(labels, "scores"))
    if numbers.dtype.is_complex or numbers.dtype == torch.bool:
        raise DataError(f"Scores of type {_type(numbers)} are no numbers.", "Give floating-point numbers.")
    scores = numbers.float()
    if not bool(scores.isfinite().all()):
        raise DataError("Scores are not all finite.", "Leave out images that have none.")
    return scores


def _check_range(pixels: Tensor) -> None:
    low, high = float(pixels.amin()), float(pixels.amax())
    if bool(pixels.isnan().any()):
        raise DataError("Images hold NaN.", "Leave these images out, or repair what made them.")
    if low >= 0 and high <= 1:
        return
    fix = "Give them in [0,1], or as uint8."
    if low >= 0 and high <= 255 and high > 2:
        fix = "They seem to go from 0 to 255: divide them by 255, or give them as uint8."
    elif -1 <= low < 0 and high <= 1:
        fix = "They seem to go from -1 to 1: give (x + 1) / 2; the model itself must turn that back."
    elif -10 < low < 0 and high < 10:
        fix = "They seem to be normalised by mean and std: give them without; normalisation belongs into the model."
    raise DataError(f"Images leave [0,1]: they go from {low:.4g} to {high:.4g}.", fix)


def _range_fix(pixels: Tensor) -> str:
    """The remedy for images whose number type does not say which value is white."""
    if pixels.dtype == torch.bool:
        return "If True is white, give them as floating point: x.float()."
    if pixels.dtype.is_complex or not pixels.numel():
        return "Give uint8, or float in [0,1]."
    low, high = int(pixels.min()), int(pixels.max())
    if low >= 0 and 1 < high <= 255:
        return "They seem to go from 0 to 255: give them as uint8, x.to(torch.uint8) or x.astype('uint8')."
    return f"They go from {low} to {high}: give uint8, or divide by what is white to get float in [0,1]."


def _channels_are_last(pixels: Tensor) -> bool:
    """(N, H, W, C) where C can be channels, and H cannot."""
    return pixels.ndim == 4 and pixels.shape[3] in (1, 3) and pixels.shape[1] > 4 and pixels.shape[2] > 4


def _from_one_hot(rows: Tensor) -> Tensor:
    """Class indices (N,) of rows (N, K) with a single 1 each."""
    ones = rows == 1
    if not bool(((rows == 0) | ones).all()) or not bool((ones.sum(1) == 1).all()):
        raise DataError(
            f"Labels of shape {tuple(rows.shape)} are not one-hot.", "Give class indices (N,), for example labels.argmax(1)."
        )
    return ones.long().argmax(1)


def _flat(numbers: Tensor) -> Tensor:
    """(N,) of (N,) or of a column (N, 1)."""
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        return numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"Labels of shape {tuple(numbers.shape)} are not one for each image.", "Give labels (N,).")
    return numbers


def _tensor(values: Array, what: str) -> Tensor:
    """On the CPU, in memory of a plain layout and a type that torch computes with."""
    try:
        if not isinstance(values, Tensor) and _are_tensors(values):
            values = torch.stack(list(values))
        if isinstance(values, Tensor):
            if values.is_nested:
                raise TypeError("its samples have different shapes")
            tensor = values.detach().cpu()
            dense = tensor if tensor.layout == torch.strided else tensor.to_dense()
            return dense.clone() if dense.is_inference() else dense  # those of torch.inference_mode let no gradient pass
        array = np.array(values, order="C")
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:  # torch hardly computes with these
            array = array.astype(np.int64)
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise DataError(
            f"A {type(values).__name__} does not hold samples ({what} of one shape).", "Give tensors or arrays of numbers."
        ) from error


def _are_tensors(values: object) -> bool:
    return isinstance(values, list | tuple) and bool(values) and all(isinstance(value, Tensor) for value in values)


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
