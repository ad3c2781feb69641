"""A scene and the spikes that a camera made of it, before and after an attack, as PNG files that pillow writes.

White is silence, and a colour is missing where its pixel fired. Where changes are marked, spikes that came are green, and
spikes that went are orange.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from reports.site.cameras import Film, unrolled
from reports.site.recordings import GREEN, ORANGE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

    from bench.boards.strip import Pixels, Tile

ZOOM, GAP = 3, 2
"""Pixels of a pixel of the scene, and between pictures."""
MILLISECONDS = 120
"""Of a tick of the animation."""
GREY = 128


def films(tile: Tile, ticks: int) -> dict[str, bytes]:
    """PNG files of a scene that was seen for ``ticks`` ticks, by the end of their names."""
    before, after = (unrolled(pixels, ticks) for pixels in (tile.clean, tile.adversarial))
    steps = [_enlarged(_beside(*planes)) for planes in _planes(before, after)]
    return {"": _png(_enlarged(sheet(before, after))), "-still": _png(steps[0]), "-moving": _moving(steps)}


def sheet(before: Film, after: Film) -> Pixels:
    """Scene, spikes of the middle line and reconstruction below each other; before, after and change beside each other."""
    line = before.spikes.shape[1] // 2
    lines = before.spikes[:, line], after.spikes[:, line]
    rows = [
        _beside(before.scene, after.scene, _difference(before.scene, after.scene)),
        _beside(*map(_ink, lines), marked(*lines)),
        _beside(before.reconstruction, after.reconstruction, _difference(before.reconstruction, after.reconstruction)),
    ]
    between = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([rows[0], between, rows[1], between, rows[2]])


def marked(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Pixels:
    """Spikes ``(H, W, 3)`` of both: green where one came in any colour, orange where one went, white where none changed."""
    pixels = np.full(before.shape, 255, np.uint8)
    pixels[(before & ~after).any(-1)] = [round(255 * level) for level in ORANGE]
    pixels[(after & ~before).any(-1)] = [round(255 * level) for level in GREEN]
    return pixels


def _planes(before: Film, after: Film) -> list[tuple[Pixels, Pixels, Pixels]]:
    return [(_ink(old), _ink(new), marked(old, new)) for old, new in zip(before.spikes, after.spikes, strict=True)]


def _ink(spikes: NDArray[np.bool_]) -> Pixels:
    return np.where(spikes, 0, 255).astype(np.uint8)


def _difference(before: Pixels, after: Pixels) -> Pixels:
    """The change around mid-grey, as strong as it can be shown."""
    change = after.astype(int) - before
    strength = max(1, (GREY - 1) // max(1, int(np.abs(change).max())))
    return (GREY + strength * change).clip(0, 255).astype(np.uint8)


def _beside(*pictures: Pixels) -> Pixels:
    between = np.full((len(pictures[0]), GAP, 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, between)][:-1], 1)


def _enlarged(pixels: Pixels) -> Picture:
    from PIL import Image

    return Image.fromarray(pixels.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1))


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _moving(steps: list[Picture]) -> bytes:
    buffer = io.BytesIO()
    steps[0].save(buffer, "PNG", save_all=True, append_images=steps[1:], duration=MILLISECONDS, loop=0)
    return buffer.getvalue()
