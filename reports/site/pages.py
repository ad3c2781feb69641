"""Fills the templates: one page of each kind, and the files beside the pages of a board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.boards.gallery_record import Gallery
from bench.boards.strip import Tile
from bench.foundation.files import copy_folder
from reports.site.bibtex import bibtex
from reports.site.camera_films import films
from reports.site.changes import changes, figure
from reports.site.charts import against_clean, curves
from reports.site.claims import ClaimView, counts
from reports.site.curve import curve
from reports.site.downloads import write_downloads
from reports.site.figures import counted, measured, percent, points, sign, until
from reports.site.frozen import plainly
from reports.site.gallery import picture
from reports.site.glossary import terms_in
from reports.site.links import web
from reports.site.outcomes import constants
from reports.site.recordings import pictures
from reports.site.references import pieces
from reports.site.samples import on_events, sampled
from reports.site.verdicts import CHECKS, VERDICTS
from reports.site.view import BoardView, EntryView
from reports.site.words import commands, frozen_attacks, sentences

MARK = ".bench-site"
"""Marker file in the folder; only a folder that has it is replaced."""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
SHOWN_FIRST, DRAWN_FIRST = 8, 40
"""Entries of a board on the first page, in its table and in its picture."""
DRAWN = 100
"""Entries of a board in the pictures of its own page."""
ASSETS = Path(__file__).with_name("assets")


@dataclass(frozen=True)
class Writer:
    """Writes pages below ``folder`` from the templates of ``pages``."""

    pages: Environment
    folder: Path

    def page(self, path: str, template: str, **values: Any) -> None:
        """Write one page. path: below the folder; ``top`` and ``here`` lead from it to the first page and name it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = self.pages.get_template(template).render(top="../" * path.count("/"), here=path, **values)
        file.write_text(text, encoding="utf-8")


def by_history(board: BoardView) -> tuple[int, int]:
    """The place of a board among others: those of the longest history first, then those of the most entries."""
    return -board.protocol.version, -len(board.entries)


def write_pages(views: Sequence[BoardView], claims: Sequence[ClaimView], folder: Path, source: str) -> None:
    """Write all pages, scripts and files of a site into a folder that does not exist yet."""
    latest = sorted((board for board in views if board.latest), key=by_history)
    copy_folder(ASSETS, folder / "assets")
    (folder / MARK).write_text("")
    writer = Writer(_environment(latest, source), folder)
    drawn = {board.name: curves(board, DRAWN_FIRST) for board in latest}
    writer.page("index.html", "index.html", shown=SHOWN_FIRST, drawn=drawn, limit=DRAWN_FIRST)
    writer.page("models.html", "models.html")
    writer.page("submit.html", "submit.html", open_boards=[board for board in latest if board.takes_submissions])
    writer.page("claims.html", "claims.html", claims=claims, counts=counts(claims))
    for board in views:
        family = [other for other in views if other.protocol.board == board.protocol.board]
        _write_board(writer, board, sorted(family, key=lambda other: other.protocol.version), claims)


def _write_board(writer: Writer, board: BoardView, family: Sequence[BoardView], claims: Sequence[ClaimView]) -> None:
    """family: the versions of the board that are shown, ascending."""
    at = f"boards/{board.name}"
    before = [other for other in family if other.protocol.version < board.protocol.version]
    newest = family[-1]
    now = {} if newest is board else {entry.name: _now(entry, newest) for entry in board.entries}
    writer.page(
        f"{at}/index.html",
        "board.html",
        board=board,
        now=now,
        lines=curves(board, DRAWN),
        dots=against_clean(board, DRAWN),
        limit=DRAWN,
        downloads=write_downloads(board, writer.folder / at),
    )
    attacks = frozen_attacks(board.protocol)
    named = [text for attack in attacks for group in attack.groups for stage in group.stages for text in stage.texts]
    writer.page(
        f"{at}/protocol.html",
        "protocol.html",
        board=board,
        sentences=sentences(board.protocol),
        attacks=attacks,
        terms=terms_in([*named, *board.protocol.specs]),
    )
    writer.page(f"{at}/changes.html", "changes.html", board=board, changes=changes(before[-1], board) if before else None)
    writer.page(f"{at}/compare.html", "compare.html", board=board)
    (writer.folder / at / "outcomes.js").write_text(_script("OUTCOMES", compared(board)), encoding="utf-8")
    for entry in board.entries:
        writer.page(
            f"{at}/models/{entry.name}.html",
            "model.html",
            board=board,
            entry=entry,
            now=now.get(entry.name, ""),
            curve=curve(entry.record, board.protocol),
            commands=commands(entry, board.protocol, as_frozen=board.as_frozen),
            bibtex=bibtex(entry, board.protocol),
            claims=[claim for claim in claims if entry.card.kind == "zoo" and entry.card.name in claim.models],
        )
        _write_pictures(entry, writer.folder / at / "models" / entry.name)


def _now(entry: EntryView, newest: BoardView) -> str:
    """The figure of an entry on the newest version; of a later version of the model if it has replaced this one."""
    later = [other for other in newest.entries if other.card.name == entry.card.name and other.current]
    same = [other for other in newest.entries if other.name == entry.name] or later
    value = figure(same[0], newest) if same else None
    return measured(value, newest.main.kind) if value is not None and newest.main else ""


def _write_pictures(entry: EntryView, folder: Path) -> None:
    if entry.gallery:
        folder.mkdir()
        for number, tile in enumerate(entry.tiles):
            for end, content in _drawn(tile, entry.gallery).items():
                (folder / f"{number}{end}.png").write_bytes(content)


def _drawn(tile: Tile, gallery: Gallery) -> dict[str, bytes]:
    """PNG files of an image of a gallery, by the end of their names."""
    if gallery.frames:
        return pictures(tile, gallery.frames)
    return films(tile, gallery.ticks) if gallery.ticks else {"": picture(tile, gallery.step)}


def compared(board: BoardView) -> dict[str, Any]:
    """Data of the compare page: constants, and per entry the packed outcomes of every measure."""
    models = {entry.name: entry.outcomes for entry in board.entries if entry.outcomes}
    less = board.main is not None and board.main.less
    samples = f"{counted(board.independent)} {board.independent_samples}"
    return {**constants(board.independent), "points": board.words.points, "less": less, "samples": samples, "models": models}


def _script(name: str, value: Any) -> str:
    """A script that only sets a global: pages opened from a disk may load scripts, but not fetch JSON."""
    return f"globalThis.{name} = {json.dumps(value, separators=(',', ':'), allow_nan=False)};\n"


def _environment(latest: Sequence[BoardView], source: str) -> Environment:
    pages = Environment(
        loader=PackageLoader("reports.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "web": web,
        "percent": percent,
        "until": until,
        "counted": counted,
        "measured": measured,
        "points": points,
        "sign": sign,
        "sampled": sampled,
        "on_events": on_events,
        "pieces": pieces,
        "plainly": plainly,
    }
    pages.globals |= {"policy": POLICY, "latest": latest, "source": web(source), "verdicts": VERDICTS, "checks": CHECKS}
    return pages
