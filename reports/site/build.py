"""Writes the site: plain files that work from a disk, from any server, and under a strict content policy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.boards.store import boards, versions
from bench.foundation.errors import BoardError, StorageError, translate_os_error
from bench.foundation.files import make_folder
from bench.foundation.scratch import scratch_folder
from bench.studies.claims.claim import read_claims
from reports.site.claims import ClaimView
from reports.site.claims import view as claim_view
from reports.site.curve import curve
from reports.site.gallery import picture
from reports.site.links import web
from reports.site.outcomes import constants
from reports.site.recordings import pictures
from reports.site.view import BoardView, EntryView, view
from reports.site.words import commands, sampled, sentences

MARK = ".bench-site"
"""Marker file in the folder; only a folder that has it is replaced."""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
SHOWN_FIRST = 10
ASSETS = Path(__file__).with_name("assets")


def build(root: Path, out: Path) -> list[str]:
    """Write the site of all boards below ``root``; returns the names of the boards.

    Raises ``BoardError`` or ``RecordError`` if a board is damaged or there is none, ``StorageError`` if ``out`` holds
    anything but a site or cannot be written.
    """
    views = [view(board, versions(root, board.name)) for board in boards(root)]
    if not views:
        raise BoardError(f"There are no boards in {root}.", "Name their folder with --boards.")
    write(views, [claim_view(*item) for item in read_claims(root).items()], out)
    return [board.name for board in views]


def write(views: Sequence[BoardView], claims: Sequence[ClaimView], out: Path) -> None:
    """Write all pages into a folder beside ``out``, then rename it to ``out``.

    Raises ``StorageError`` if ``out`` holds anything but a site, or if the disk refuses.
    """
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{out} holds something that is not a site.", "Choose a new or an empty folder with --out.")
    make_folder(out.parent)
    try:
        with scratch_folder(out.parent, f".{out.name}.") as scratch:
            staged, old = scratch / "new", scratch / "old"
            _write_pages(views, claims, staged)
            if out.exists():
                out.rename(old)
            staged.rename(out)
    except OSError as error:
        raise translate_os_error(error, out) from error


def _write_pages(views: Sequence[BoardView], claims: Sequence[ClaimView], folder: Path) -> None:
    # The board with the most entries comes first.
    latest = sorted((board for board in views if board.latest), key=lambda board: -len(board.entries))
    pages = _environment()
    pages.globals |= {"policy": POLICY, "latest": latest}
    shutil.copytree(ASSETS, folder / "assets")
    (folder / MARK).write_text("")

    def page(path: str, template: str, **values: Any) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        top = "../" * path.count("/")
        file.write_text(pages.get_template(template).render(top=top, here=path, **values), encoding="utf-8")

    page("index.html", "index.html", shown=SHOWN_FIRST)
    page("claims.html", "claims.html", claims=claims)
    for board in views:
        at = f"boards/{board.name}"
        page(f"{at}/index.html", "board.html", board=board)
        page(f"{at}/protocol.html", "protocol.html", board=board, sentences=sentences(board.protocol))
        page(f"{at}/compare.html", "compare.html", board=board)
        (folder / at / "outcomes.js").write_text(_script("OUTCOMES", compared(board)), encoding="utf-8")
        for entry in board.entries:
            page(f"{at}/models/{entry.name}.html", "model.html", board=board, entry=entry, **_model_values(entry, board))
            _write_pictures(entry, folder / at / "models" / entry.name)


def _model_values(entry: EntryView, board: BoardView) -> dict[str, Any]:
    """Values for the template of a model's page."""
    return {"curve": curve(entry.record), "commands": commands(entry, board.protocol)}


def _write_pictures(entry: EntryView, folder: Path) -> None:
    if entry.gallery:
        folder.mkdir()
        for number, tile in enumerate(entry.tiles):
            frames, step = entry.gallery.frames, entry.gallery.step
            for end, content in (pictures(tile, frames) if frames else {"": picture(tile, step)}).items():
                (folder / f"{number}{end}.png").write_bytes(content)


def compared(board: BoardView) -> dict[str, Any]:
    """Data of the compare page: constants, and per entry the packed outcomes of every measure."""
    models = {entry.name: entry.outcomes for entry in board.entries if entry.outcomes}
    return {**constants(board.independent), "models": models}


def _script(name: str, value: Any) -> str:
    """A script that only sets a global: pages opened from a disk may load scripts, but not fetch JSON."""
    return f"globalThis.{name} = {json.dumps(value, separators=(',', ':'), allow_nan=False)};\n"


def _environment() -> Environment:
    pages = Environment(
        loader=PackageLoader("reports.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"web": web, "percent": _percent, "measured": _measured, "sampled": sampled}
    return pages


def _percent(value: float) -> str:
    return f"{100 * value:z.1f}"


def _measured(value: float | str, kind: str) -> str:
    if isinstance(value, str):
        return value
    return _percent(value) if kind == "percent" else f"{value:g}" if kind == "count" else f"{value:z.3f}"
