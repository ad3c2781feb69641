"""The README's table and picture, from records that are kept in ``leaderboards/readme``.

``python -m reports.readme`` evaluates what is missing or out of date and rewrites both;
``--check`` only says whether the README agrees with the records.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bench
from bench.errors import BenchError, RecordError
from bench.record import Record, read_record
from reports.plots import accuracy_curves, save
from reports.tables import robustness_table

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "leaderboards" / "readme"
MODELS = ("ann_vanilla", "ann_at", "snn_vanilla", "snn_at", "snn_gsr", "snn_gsr_at")
ATTACK, RADII, SAMPLES = "pgd:steps=20", "1/255,2/255,4/255,8/255,16/255", 1000
SHOWN = ("2/255", "8/255")
START, END = "<!-- table: python -m reports.readme -->", "<!-- end of table -->"


def evaluate_all() -> list[Record]:
    """Evaluate every model (a finished evaluation is read back, an interrupted one resumed)."""
    return [bench.evaluate(f"zoo:{name}", attack=ATTACK, eps=RADII, n=SAMPLES, out=RECORDS) for name in MODELS]


def stored() -> list[Record]:
    """The kept records, in the order of :data:`MODELS`. Raises :class:`~bench.errors.RecordError` if one is missing."""
    found = {}
    for path in sorted(RECORDS.glob("*/record.json")):
        record = read_record(path.parent)
        found[record.model.ref.removeprefix("zoo:")] = record
    missing = [name for name in MODELS if name not in found]
    if missing:
        raise RecordError(f"There is no record of {', '.join(missing)}.", "Run: python -m reports.readme.")
    return [found[name] for name in MODELS]


def spliced(text: str, table: str) -> str:
    """README text with the table between its markers replaced."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise RecordError("The README has lost the markers of its table.", f"Put {START} and {END} back.")
    return f"{before}{START}\n{table}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Rewrite the README, or with ``--check`` compare it."""
    readme = ROOT / "README.md"
    records = stored() if "--check" in arguments else evaluate_all()
    text = spliced(readme.read_text(), robustness_table(records, SHOWN))
    if "--check" in arguments:
        return int(text != readme.read_text())
    readme.write_text(text)
    save(accuracy_curves(records), ROOT / "reports" / "accuracy.png")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
