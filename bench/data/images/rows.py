"""Many image files as rows of one shape: headers are read first, pixels when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.images.decode import read_pixels
from bench.data.images.fit import Fit, Resize
from bench.data.images.formats import Header, read_header
from bench.data.paths import shown
from bench.data.rows import FileRows, Part
from bench.foundation.errors import DataError


@dataclass(frozen=True)
class ImageReader:
    """Reads one image as a row."""

    fit: Fit | None
    channels: int
    """1 or 3; grey becomes RGB where it is 3."""
    deep: bool
    """Whether the rows are float32 in [0,1], because at least one image has 16 bits per channel."""

    def __call__(self, path: Path, part: Part = None) -> NDArray[Any]:
        pixels = read_pixels(path, self.fit)
        if self.deep and pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        return np.broadcast_to(pixels, (self.channels, *pixels.shape[1:])) if len(pixels) == 1 else pixels


def image_rows(paths: Sequence[Path], fit: Fit | None, *, name: str, option: str, channels: int | None = None) -> FileRows:
    """uint8 (N, C, H, W), or float32 in [0,1] if an image has 16 bits per channel.

    name: of the set, for messages. option: what makes sizes equal there: ``size`` or ``crop``. channels: 3 for RGB
    whatever the images are; None: one channel if all are grey. Raises ``DataError`` for images that
    are refused, or of several sizes, or too small for a crop.
    """
    headers = [read_header(path) for path in paths]
    sizes = [_fitted(header, fit, path, name) for header, path in zip(headers, paths, strict=True)]
    for path, size in zip(paths, sizes, strict=True):
        if size != sizes[0]:
            (height, width), first = sizes[0], shown(paths[0])
            fix = f"Give one size for all: {name},size={height}x{width}."
            raise DataError(
                f"{shown(path)} is {size[0]} x {size[1]}, but {first} is {height} x {width}.",
                fix if option == "size" else f"Give a crop that fits all: {name},crop=96.",
            )
    deep = any(header.deep for header in headers)
    depth = channels or max(header.channels for header in headers)
    dtype = torch.float32 if deep else torch.uint8
    return FileRows.of(paths, ImageReader(fit, depth, deep), (depth, *sizes[0]), dtype)


def _fitted(header: Header, fit: Fit | None, path: Path, name: str) -> tuple[int, int]:
    """(height, width) of the row that an image becomes."""
    if isinstance(fit, Resize):
        return fit.height, fit.width
    if fit is None:
        return header.height, header.width
    smallest = min(header.height, header.width)
    if smallest < fit.side:
        raise DataError(
            f"{shown(path)} is {header.height} x {header.width}, smaller than the crop of {fit.side} pixels.",
            f"Ask for smaller crops, for example {name},crop={smallest}.",
        )
    return fit.side, fit.side
