"""Draws the pictures of an entry; a failure to draw does not fail the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.terminal import say

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry


def draw(board: Board, entry: Entry, out: Path) -> None:
    """Draw the pictures of an entry from the images that the evaluation saved below ``out``; print the reason if it
    fails.
    """
    from bench.boards.running import folder_of
    from bench.foundation.errors import BenchError
    from reports.site.gallery import draw_gallery

    try:
        draw_gallery(board, entry, folder_of(entry.record, out))
    except BenchError as error:
        say(f"{entry.name} has no gallery: {error}", err=True)
