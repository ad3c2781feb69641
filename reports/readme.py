"""Tables and pictures of the README and of the documentation, from the boards and from records that are kept.

``python -m reports.readme`` evaluates what is missing and rewrites them; ``--kept`` rewrites them from what was kept, and
``--check`` only says whether the pages agree with it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import bench
from bench.boards.store import open_board
from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.records.archive import Archive
from bench.evaluation.request.identity import folder_for, folder_name
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.errors import RecordError
from bench.studies.measures.attacked import STOCHASTIC_BOARD, attacked
from bench.studies.measures.running import measurable, measure_model
from bench.studies.measures.sizes import Sizes
from bench.tasks.record import Record
from reports import claims_twice, conversions, pictures, quality_ceiling, reconstructions, seeds, splicing, strength
from reports.accuracy_curve import accuracy_curves
from reports.board_tables import board_table
from reports.exit_status import end_with
from reports.family import family_table, in_family
from reports.gallery import contact_sheet
from reports.measures import sheets
from reports.picks import choose
from reports.plots import heading, label, save
from reports.zoo_table import zoo_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
BOARDS = ROOT / "leaderboards"
KEPT = BOARDS / "readme" / "models"
"""The archive of the records behind the picture."""
ATTACKS = ("pgd:steps=20", "standard")

MODELS = ("ann_vanilla", "ann_at", "snn_vanilla", "snn_at", "snn_gsr", "snn_gsr_at")
RADII, SAMPLES, SHOWN = "2/255,4/255,8/255", 100, ("2/255", "8/255")

DRAWN = ROOT / "docs" / "pictures"
PICTURE = 4.5
"""Inches: width of the README's picture."""
QUALITY = "iqa-photos-linf"
"""The board of models that score."""
L2 = "snn-cifar10-l2"
"""The board in the other norm."""
EVENTS, RETIMED, SPIKE_CAMERAS = "events-nmnistsim-l0", "events-nmnistsim-retime", "spikecam-cifar10-linf"
"""The boards of cameras that the documentation shows."""
SHEET = "zoo:iqa_hyperiqa"
"""Whose gallery is shown."""

Tables = dict[str, str]


def evaluate_all() -> None:
    """Evaluate what has no record yet; an interrupted evaluation is resumed."""
    used = {name_of(evaluate_once(_settings(name), KEPT, running_wanted())) for name in MODELS}
    keep_only(KEPT, lambda name: name in used)
    for name in measurable():
        for _ in measure_model(name, BOARDS, Sizes()):
            pass  # each part is written as it is done
    seeds.measure()
    strength.main()
    pictures.main()
    reconstructions.main()


def models() -> list[Record]:
    """The kept records of the present weights under the present attack sets, in the table's order.

    Raises ``RecordError`` if one is missing.
    """
    archive = Archive(KEPT)
    names = {name: folder_for(resolve(_settings(name))) for name in MODELS}
    missing = [name for name, record in names.items() if not archive.holds(record)]
    if missing:
        raise RecordError(f"There is no record of {', '.join(missing)}.", "Run: make report.")
    return [archive.read(record) for record in names.values()]


def _settings(name: str) -> Settings:
    """What is asked of a model."""
    return Settings(model=f"zoo:{name}", attack=ATTACKS, eps=RADII, n=SAMPLES)


def tables() -> dict[str, Tables]:
    """By page the tables by the name of their place in it."""
    measured, results = sheets(BOARDS), attacked(BOARDS, STOCHASTIC_BOARD) | attacked(BOARDS)
    some = [sheet for sheet in measured if sheet.model in MODELS]
    return {
        "README.md": {"models": zoo_table(some, results, SHOWN)},
        "docs/zoo.md": {
            "zoo": zoo_table([sheet for sheet in measured if not in_family(sheet)], results, SHOWN),
            "resnet20": family_table(measured, BOARDS, SHOWN),
            "conversions": conversions.markdown(),
            "seeds": seeds.markdown(seeds.written()),
            "strength": strength.markdown(),
            "pictures": pictures.markdown(),
            L2: board_table(open_board(L2, BOARDS)),
        },
        "docs/papers.md": {"claims": claims_twice.markdown(BOARDS)},
        "docs/quality.md": {QUALITY: board_table(open_board(QUALITY, BOARDS)), "ceiling": quality_ceiling.markdown()},
        "docs/events.md": {name: board_table(open_board(name, BOARDS)) for name in (EVENTS, RETIMED)},
        "docs/spike-cameras.md": {
            SPIKE_CAMERAS: board_table(open_board(SPIKE_CAMERAS, BOARDS)),
            "reconstructions": reconstructions.markdown(),
        },
    }


def rewritten() -> dict[Path, str]:
    """By page its text with the tables of the present records. Raises ``RecordError`` if a page has lost its markers."""
    return {
        ROOT / page: spliced((ROOT / page).read_text(encoding="utf-8"), tables_of_page, page=page)
        for page, tables_of_page in tables().items()
    }


def shown_entries() -> list[Record]:
    """The records of :data:`MODELS` on the newest version of the board, in their order."""
    records = {entry.record.model.ref: entry.record for entry in open_board(pictures.BOARD, BOARDS).entries()}
    return [records[f"zoo:{name}"] for name in MODELS]


def quality_gallery() -> Figure:
    """The contact sheet of a quality model under attack, evaluated afresh: its adversarial images are not kept."""
    with TemporaryDirectory() as folder:
        record = bench.evaluate(SHEET, attack="pgd", eps="4/255", n=26, out=folder, save_adv=True)
        where = Path(folder) / folder_name(record.model.ref, record.identity)
        return contact_sheet(choose(record, where), f"{label(record)}: {heading([record])}, at 4/255")


def spliced(text: str, tables: Tables, *, page: str = "The README") -> str:
    """A page's text with each table between its markers replaced; see :func:`reports.splicing.spliced`."""
    return splicing.spliced(text, tables, command="make report", page=page)


def main(arguments: list[str]) -> int:
    """Rewrite the pages after evaluating what is missing, or from what was kept; or compare them."""
    if "--check" in arguments:
        return int(any(page.read_text(encoding="utf-8") != text for page, text in rewritten().items()))
    if "--kept" not in arguments:
        evaluate_all()
    for page, text in rewritten().items():
        page.write_text(text, encoding="utf-8")
    save(accuracy_curves(shown_entries(), width=PICTURE), DRAWN / "accuracy.svg")
    save(quality_gallery(), DRAWN / "gallery.png")
    return 0


if __name__ == "__main__":
    end_with(lambda: main(sys.argv[1:]))
