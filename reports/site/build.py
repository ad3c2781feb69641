"""Writes the site: plain files that work from a disk, from any server, and under a strict content policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.boards.store import boards, versions
from bench.foundation.errors import BoardError, StorageError, translate_os_error
from bench.foundation.files import make_folder
from bench.foundation.scratch import scratch_folder
from bench.studies.claims.claim import read_claims
from reports.site.claims import ClaimView
from reports.site.claims import views as claim_views
from reports.site.links import web
from reports.site.pages import MARK, POLICY, write_pages
from reports.site.view import BoardView, view

__all__ = ["POLICY", "build", "write"]


def build(root: Path, out: Path, *, source: str = "") -> list[str]:
    """Write the site of all boards below ``root``; returns the names of the boards.

    source: web address of the folder that holds the suite's code, for links to it. Raises ``BoardError`` or
    ``RecordError`` if a board is damaged or there is none, or if the source is no web address, ``StorageError`` if
    ``out`` holds anything but a site or cannot be written.
    """
    if source and not web(source):
        raise BoardError(f"{source!r} is no web address.", "Write --source https://HOST/FOLDER.")
    views = [view(board, versions(root, board.name)) for board in boards(root)]
    if not views:
        raise BoardError(f"There are no boards in {root}.", "Name their folder with --boards.")
    write(views, claim_views(read_claims(root)), out, source=source)
    return [board.name for board in views]


def write(views: Sequence[BoardView], claims: Sequence[ClaimView], out: Path, *, source: str = "") -> None:
    """Write all pages into a folder beside ``out``, then rename it to ``out``.

    Raises ``StorageError`` if ``out`` holds anything but a site, or if the disk refuses.
    """
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{out} holds something that is not a site.", "Choose a new or an empty folder with --out.")
    make_folder(out.parent)
    try:
        with scratch_folder(out.parent, f".{out.name}.") as scratch:
            staged, old = scratch / "new", scratch / "old"
            write_pages(views, claims, staged, source.rstrip("/"))
            if out.exists():
                out.rename(old)
            staged.rename(out)
    except OSError as error:
        raise translate_os_error(error, out) from error
