"""The pictures of an entry, as commands draw them; an entry stands without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry


def draw(board: Board, entry: Entry, out: Path) -> None:
    """Draw them from the images that the evaluation left below ``out``; says why if it cannot."""
    from bench.boards.running import folder_of
    from bench.foundation.errors import BenchError
    from reports.site.gallery import draw_gallery

    try:
        draw_gallery(board, entry, folder_of(entry.record, out))
    except BenchError as error:
        click.echo(f"{entry.name} has no gallery: {error}", err=True)
