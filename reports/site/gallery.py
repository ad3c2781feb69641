"""Chooses pictures for an entry's page among the adversarial images of its evaluation, and draws them from its strip."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.boards.checksums import write_sums
from bench.boards.gallery import add_galleries, read_galleries
from bench.boards.gallery_record import Gallery, StripImage
from bench.boards.render import sweep
from bench.boards.strip import Tile, widest_step
from reports.event_pictures import reel
from reports.picks import choose
from reports.site.cameras import camera_of, filmed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.boards.store import Board, Entry
    from bench.boards.strip import Pixels
    from reports.picks import Pick

COUNT = 2
"""Of the worst images, and of the best."""
SIDE = 96
"""Pixels of each of the three images of a picture; larger images are kept in this size."""
GAP = 3


def draw_gallery(board: Board, entry: Entry, folder: Path) -> Gallery | None:
    """Write the strip of an entry; None if there is one already.

    folder: of the entered record, with its adversarial images. Raises ``RecordError`` if these are missing or are not
    those of the record, ``StorageError`` if the pictures cannot be written.
    """
    if entry.name in read_galleries(board):
        return None
    protocol = board.protocol()
    picks = choose(entry.record, folder, eps_text=protocol.rank_by, count=COUNT)
    camera = camera_of(entry)
    tiles = [_tile(pick) if camera is None else filmed(camera, pick) for pick in picks]
    drawn = Gallery(
        name=str(entry.name),
        record_sha256=entry.record_sha256,
        eps=protocol.rank_by,
        step=widest_step(tiles),
        frames=0 if picks[0].events is None else len(picks[0].events[0]),
        ticks=0 if camera is None else camera.camera.ticks,
        images=[_described(pick) for pick in picks],
    )
    with board.locked():
        sweep(board)
        if entry.name not in read_galleries(board):
            add_galleries(board, {entry.name: (drawn, tiles)})
            write_sums(board)
    return drawn


def _described(pick: Pick) -> StripImage:
    return StripImage(sample=pick.sample, before=pick.before, after=pick.after, worst=pick.moved)


def _tile(pick: Pick) -> Tile:
    if pick.events is not None:
        return Tile(*map(reel, pick.events))
    return Tile(_pixels(pick.clean), _pixels(pick.adversarial))


def _pixels(image: NDArray[np.float32]) -> Pixels:
    """An image (H, W, C) in [0, 1] as it is kept: of 8 bits, in colour, at most ``SIDE`` pixels wide and high."""
    from PIL import Image

    pixels = np.rint(image * 255).astype(np.uint8)
    pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    if max(pixels.shape[:2]) <= SIDE:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def picture(tile: Tile, step: int) -> bytes:
    """A clean image above the adversarial one above their difference, ``SIDE`` pixels each, as a PNG."""
    from PIL import Image

    canvas = Image.new("RGB", (SIDE, 3 * SIDE + 2 * GAP), "white")
    for row, pixels in enumerate((tile.clean, tile.adversarial, tile.difference(step))):
        enlarged = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        canvas.paste(enlarged, (0, row * (SIDE + GAP)))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
