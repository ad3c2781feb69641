"""Event frames as one picture: the frames in reading order, brighter events red, darker ones blue, both purple."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

GAP = 2
"""Grey pixels between frames."""
GREY = 0.8


def montage(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames ``(T, 2, H, W)`` in [0, 1] as a picture ``(rows, columns, 3)``, about as wide as high, white without events.

    The fullest cell has the full colour, so that frames of a few counts can be seen.
    """
    number, _, height, width = frames.shape
    columns = math.ceil(math.sqrt(number * height / width))
    rows = math.ceil(number / columns)
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), GREY, np.float32)
    fullest = float(frames.max())
    darker, brighter = (frames / (fullest or 1.0)).transpose(1, 0, 2, 3)
    tiles = np.stack([1 - darker, 1 - np.maximum(darker, brighter), 1 - brighter], axis=-1)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        y, x = row * (height + GAP), column * (width + GAP)
        canvas[y : y + height, x : x + width] = tile
    return canvas
