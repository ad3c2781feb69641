"""Pictures as version 0.1 wrote them: a PNG per image, the clean one above the adversarial one above their difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.boards.gallery_record import GALLERY, Gallery, StripImage
from bench.boards.naming import EntryName
from bench.boards.strip import Tile, widest_step
from bench.foundation.errors import BoardError
from bench.foundation.files import sha256_file

if TYPE_CHECKING:
    from bench.boards.strip import Pixels

OLD_LIST_FILE = "gallery.json"
SIDE, GAP = 96, 3
COUNT = 2
"""Of the worst images, and of the best, that are kept of three."""


def names(folder: Path) -> list[EntryName]:
    """Entries of the board in ``folder`` that have pictures of the old kind."""
    return sorted(EntryName.parse(path.parent.name) for path in (folder / GALLERY).glob(f"*/{OLD_LIST_FILE}"))


def read(folder: Path, name: EntryName) -> tuple[Gallery, list[Tile]]:
    """The gallery of an entry and its images, in the present form. Raises ``BoardError`` if they are damaged."""
    at = folder / GALLERY / str(name)
    path = at / OLD_LIST_FILE
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        images = [StripImage(**{key: item[key] for key in StripImage.model_fields}) for item in fields["shown"]]
        files = {str(item["file"]): str(item["sha256"]) for item in fields["shown"]}
        record_sha256, eps = str(fields["record_sha256"]), str(fields["eps"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BoardError(f"{path} is not a readable gallery.", f"Restore it, or remove {at}.") from error
    for file, sha256 in files.items():
        if Path(file).name != file or not (at / file).is_file() or sha256_file(at / file) != sha256:
            raise BoardError(f"{file} of the gallery of {name} is not the file that is listed.", f"Restore {at}.")
    if strays := sorted({each.name for each in at.iterdir()} - {OLD_LIST_FILE, *files}):
        raise BoardError(f"The gallery of {name} holds {strays[0]}, which is not listed.", f"Remove {at / strays[0]}.")
    tiles = [_tile(at / file) for file in files]
    places = [
        place for worst in (True, False) for place in [n for n, item in enumerate(images) if item.worst == worst][:COUNT]
    ]
    tiles, images = [tiles[place] for place in places], [images[place] for place in places]
    gallery = Gallery(name=str(name), record_sha256=record_sha256, eps=eps, step=widest_step(tiles), images=images)
    return gallery, tiles


def _tile(path: Path) -> Tile:
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    clean, adversarial = pixels[:SIDE], pixels[SIDE + GAP : 2 * SIDE + GAP]
    factor = _enlarged(clean, adversarial)
    return Tile(clean[::factor, ::factor], adversarial[::factor, ::factor])


def _enlarged(*images: Pixels) -> int:
    """The factor by which small images were enlarged, pixel by pixel, to ``SIDE``."""
    for factor in range(SIDE, 1, -1):
        if SIDE % factor == 0 and all(np.array_equal(_blocks(image, factor), image) for image in images):
            return factor
    return 1


def _blocks(image: Pixels, factor: int) -> Pixels:
    return image[::factor, ::factor].repeat(factor, 0).repeat(factor, 1)
