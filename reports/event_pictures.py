"""Event frames as one picture: the frames in reading order, brighter events red, darker ones blue, both black.

As a reel the frames lie below each other, in colours from which they are had back exactly: so recordings are kept where
pictures are kept.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

GAP = 2
"""Grey pixels between frames."""
GREY = 0.8


def are_events(image: NDArray[Any]) -> bool:
    """Whether an input is event frames (T, 2, H, W)."""
    return image.ndim == 4 and image.shape[1] == 2


def montage(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames ``(T, 2, H, W)`` in [0, 1] as a picture ``(rows, columns, 3)``, about as wide as high, white without events.

    The fullest cell has the full colour, so that frames of a few counts can be seen.
    """
    return side_by_side(coloured(frames))


def coloured(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames ``(T, 2, H, W)`` in [0, 1] in their colours ``(T, H, W, 3)``, the fullest cell in the full one."""
    fullest = float(frames.max())
    darker, brighter = (frames / (fullest or 1.0)).transpose(1, 0, 2, 3)
    return np.stack([1 - darker, 1 - np.maximum(darker, brighter), 1 - brighter], axis=-1)


def side_by_side(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tiles ``(T, H, W, 3)`` in reading order, as one picture about as wide as high."""
    number, height, width, _ = tiles.shape
    columns = math.ceil(math.sqrt(number * height / width))
    rows = math.ceil(number / columns)
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), GREY, np.float32)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        y, x = row * (height + GAP), column * (width + GAP)
        canvas[y : y + height, x : x + width] = tile
    return canvas


def reel(frames: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Frames ``(T, 2, H, W)`` of cells k/255 below each other, ``(T * H, W, 3)``: brighter events red, darker ones blue."""
    darker, brighter = np.rint(frames * 255).astype(np.uint8).transpose(1, 0, 2, 3)
    return np.stack([brighter, np.zeros_like(darker), darker], axis=-1).reshape(-1, frames.shape[3], 3)


def unreeled(pixels: NDArray[np.uint8], frames: int) -> NDArray[np.float32]:
    """The ``frames`` frames ``(frames, 2, H, W)`` in [0, 1] of a :func:`reel`.

    Raises ``ValueError`` for an image that is not so many frames high.
    """
    if frames < 1 or len(pixels) % frames:
        raise ValueError(f"an image {len(pixels)} pixels high is no reel of {frames} frames")
    cells = pixels.reshape(frames, -1, *pixels.shape[1:])
    return (cells[..., [2, 0]].transpose(0, 3, 1, 2) / 255).astype(np.float32)
