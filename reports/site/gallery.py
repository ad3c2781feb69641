"""Pictures for an entry's page, drawn from the adversarial images that the evaluation saved."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.boards.gallery import LIST_FILE, Gallery, Shown, gallery_folder
from bench.foundation.errors import translate_os_error
from bench.foundation.files import atomic_write_bytes, atomic_write_text, make_folder
from reports.gallery import amplified
from reports.picks import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.boards.store import Board, Entry

COUNT = 3
"""Number of the worst images, and of the best."""
SIDE = 96
"""Pixels of each of the three images of a picture."""
GAP = 3


def draw_gallery(board: Board, entry: Entry, folder: Path) -> Gallery | None:
    """Write the pictures of an entry and their list; None if the entry has pictures already.

    folder: of the entered record, with its adversarial images. Raises ``RecordError`` if these are missing or are not
    those of the record, ``StorageError`` if the pictures cannot be written.
    """
    target = gallery_folder(board, entry.name)
    if target.exists():
        return None
    protocol = board.protocol()
    picks = choose(entry.record, folder, eps_text=protocol.rank_by, count=COUNT)
    differences, factor = amplified(picks)
    files = [
        picture([pick.clean, pick.adversarial, difference]) for pick, difference in zip(picks, differences, strict=True)
    ]
    shown = [
        Shown(
            sample=pick.sample,
            before=pick.before,
            after=pick.after,
            worst=pick.moved,
            file=f"{number}.png",
            sha256=hashlib.sha256(content).hexdigest(),
        )
        for number, (pick, content) in enumerate(zip(picks, files, strict=True))
    ]
    gallery = Gallery(record_sha256=entry.record_sha256, eps=protocol.rank_by, factor=factor, shown=shown)
    make_folder(target.parent)
    with board.locked():
        if not target.exists():
            _write(target, files, gallery)
    return gallery


def _write(target: Path, files: list[bytes], gallery: Gallery) -> None:
    """Write all files into a folder of another name, then rename it. The caller holds the board's lock."""
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent, ignore_cleanup_errors=True) as name:
            staged = Path(name) / target.name
            make_folder(staged)
            for picture_entry, content in zip(gallery.shown, files, strict=True):
                atomic_write_bytes(staged / picture_entry.file, content)
            atomic_write_text(staged / LIST_FILE, gallery.model_dump_json(indent=1) + "\n")
            staged.rename(target)
    except OSError as error:
        raise translate_os_error(error, target) from error


def picture(images: list[NDArray[np.float32]]) -> bytes:
    """Images (H, W, C) in [0, 1] above each other, ``SIDE`` pixels each, as a PNG."""
    from PIL import Image

    canvas = Image.new("RGB", (SIDE, (SIDE + GAP) * len(images) - GAP), "white")
    for row, image in enumerate(images):
        pixels = np.rint(image * 255).astype(np.uint8)
        pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
        resampling = Image.Resampling.NEAREST if max(pixels.shape[:2]) <= SIDE else Image.Resampling.LANCZOS
        canvas.paste(Image.fromarray(pixels).resize((SIDE, SIDE), resampling), (0, row * (SIDE + GAP)))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
