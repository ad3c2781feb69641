"""A recording before and after an attack: its frames, a scatter over space and time, and an animation.

Brighter events are red, darker ones blue. Where changes are marked, added events are green, removed ones orange, and the
others pale. All are PNG files that pillow writes, the animation an APNG.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from reports.event_pictures import coloured, side_by_side, unreeled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

    from bench.boards.strip import Tile

    Frames = NDArray[np.float32]
    Colours = NDArray[np.float32]

GREEN, ORANGE, PALE = (0.0, 0.62, 0.45), (0.84, 0.37, 0.0), (0.83, 0.83, 0.83)
GREY = (0.8, 0.8, 0.8)
ZOOM, LARGE, GAP = 2, 3, 6
"""Pixels of a cell in the frames, of one in the animation, and between pictures."""
MILLISECONDS = 200
"""Of a frame of the animation."""
DEPTH, HEIGHT, ACROSS, ALONG = 26, 3, 2, 1
"""Pixels to the right for each frame, down for each row, and to the right and up for each column of the scatter."""


def pictures(tile: Tile, frames: int) -> dict[str, bytes]:
    """PNG files of a recording of ``frames`` frames, by the end of their names."""
    clean, adversarial = (unreeled(pixels, frames) for pixels in (tile.clean, tile.adversarial))
    return {name: draw(clean, adversarial) for name, draw in PICTURES.items()}


def changes(clean: Frames, adversarial: Frames) -> Colours:
    """Frames ``(T, H, W, 3)`` in which added events are green, removed ones orange, and the others pale."""
    # Counts are float32 of k/255; the differences of equal ones are 0.
    change = adversarial - clean
    added, removed = (change > 0).any(1), (change < 0).any(1)
    tiles = np.ones((*added.shape, 3), np.float32)
    for where, colour in ((clean.any(1), PALE), (removed, ORANGE), (added, GREEN)):
        tiles[where] = colour
    return tiles


def stack(clean: Frames, adversarial: Frames) -> bytes:
    """The frames before, after, and what changed, from above."""
    parts = [side_by_side(tiles) for tiles in (coloured(clean), coloured(adversarial), changes(clean, adversarial))]
    between = np.ones((GAP // ZOOM, parts[0].shape[1], 3), np.float32)
    return _png(_enlarged(np.concatenate([parts[0], between, parts[1], between, parts[2]]), ZOOM))


def scatter(clean: Frames, adversarial: Frames) -> bytes:
    """Every event a point in space and time: time runs to the right, columns run into the depth."""
    from PIL import Image, ImageDraw

    number, _, rows, columns = clean.shape
    size = ((number - 1) * DEPTH + columns * ACROSS + 2 * GAP, rows * HEIGHT + columns * ALONG + 2 * GAP)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)

    def place(time: int, row: int, column: int) -> tuple[int, int]:
        return GAP + time * DEPTH + column * ACROSS, GAP + row * HEIGHT + (columns - column) * ALONG

    for time in range(number):
        corners = [place(time, *corner) for corner in ((0, 0), (0, columns), (rows, columns), (rows, 0))]
        draw.polygon(corners, outline=_levels(GREY))
    both = np.maximum(clean, adversarial)
    tiles, change = 0.5 + 0.5 * coloured(both), adversarial - clean
    for time, _, row, column in np.argwhere(both > 0).tolist():
        x, y = place(time, row, column)
        draw.rectangle((x, y, x + 1, y + 1), fill=_levels(tiles[time, row, column]))
    for time, polarity, row, column in np.argwhere(change != 0).tolist():
        x, y = place(time, row, column)
        colour = GREEN if change[time, polarity, row, column] > 0 else ORANGE
        draw.rectangle((x - 1, y - 1, x + 2, y + 2), fill=_levels(colour))
    return _png(canvas)


def animation(clean: Frames, adversarial: Frames) -> bytes:
    """The frames one after the other, before, after, and what changed, from the left."""
    between = np.ones((clean.shape[2], GAP // LARGE, 3), np.float32)
    triples = zip(coloured(clean), coloured(adversarial), changes(clean, adversarial), strict=True)
    steps = [
        _enlarged(np.concatenate([before, between, after, between, marked], 1), LARGE) for before, after, marked in triples
    ]
    buffer = io.BytesIO()
    steps[0].save(buffer, "PNG", save_all=True, append_images=steps[1:], duration=MILLISECONDS, loop=0)
    return buffer.getvalue()


PICTURES: dict[str, Callable[[Frames, Frames], bytes]] = {"": stack, "-scatter": scatter, "-moving": animation}
"""End of a file's name to what draws it."""


def _levels(colour: NDArray[np.float32] | tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(value)) for value in colour)
    return red, green, blue


def _enlarged(pixels: Colours, zoom: int) -> Picture:
    from PIL import Image

    levels = np.rint(pixels * 255).astype(np.uint8)
    return Image.fromarray(levels.repeat(zoom, axis=0).repeat(zoom, axis=1))


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
