"""``gallery/MODEL@VERSION/`` of a board: a few images of an entry to look at, each taken from what was scored.

Beside the entries, not in them: pictures may be drawn again, and prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.foundation.errors import BoardError
from bench.foundation.files import sha256_file

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.naming import EntryName
    from bench.boards.store import Board, Entry

GALLERY, LIST_FILE = "gallery", "gallery.json"


Says = Annotated[str, Field(min_length=1, max_length=100)]
"""A class or a score, which may be negative; for pages only, never for a table that a spreadsheet opens."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Shown(_Strict):
    """One picture: the clean image above the adversarial one above their difference."""

    sample: int
    """Sample id."""
    before: Says
    """What the model says of the clean image."""
    after: Says
    """What it says of the adversarial one."""
    worst: bool
    """Whether it is among those that the attack did most to, or least."""
    file: str = Field(pattern=r"^[0-9]{1,9}\.png$")
    """Beside the list."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the file."""


class Gallery(_Strict):
    """The list of an entry's pictures."""

    schema_version: int = 1
    """Format of this file."""
    record_sha256: str
    """Of the record whose images these are."""
    eps: str
    """Radius, as on the board."""
    factor: float
    """By which differences are amplified."""
    shown: list[Shown] = Field(min_length=1)
    """Pictures."""


def gallery_folder(board: Board, name: EntryName) -> Path:
    """Where the pictures of an entry lie, if there are any."""
    return board.folder / GALLERY / str(name)


def read_gallery(board: Board, name: EntryName) -> Gallery | None:
    """The list of an entry's pictures, or None. Raises ``BoardError`` if it is damaged."""
    path = gallery_folder(board, name) / LIST_FILE
    if not path.is_file():
        return None
    try:
        return Gallery.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise BoardError(f"{path} is not a readable gallery.", f"Restore it, or remove {path.parent}.") from error


def gallery_problems(board: Board, entry: Entry) -> Iterator[str]:
    """What is wrong with the pictures of an entry; nothing if it has none."""
    try:
        found = read_gallery(board, entry.name)
    except BoardError as error:
        yield str(error)
        return
    if found is None:
        return
    folder = gallery_folder(board, entry.name)
    if found.record_sha256 != entry.record_sha256:
        yield "its gallery is of another record"
    for shown in found.shown:
        path = folder / shown.file
        if not path.is_file() or path.is_symlink() or sha256_file(path) != shown.sha256:
            yield f"{shown.file} of its gallery is not the file that is listed"
    names = {path.name for path in folder.iterdir()}
    for name in sorted(names - {LIST_FILE, *(shown.file for shown in found.shown)}):
        yield f"its gallery holds {name}, which is not listed"
