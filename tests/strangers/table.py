"""The table of docs/strangers.md: ``make strangers`` evaluates the gallery (fifteen minutes on a core) and writes it.

Every library of the gallery must be installed. The rows are kept in ``leaderboards/strangers/table.csv``; with ``--page``
they are read from there, and the page alone is written.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch

from bench.foundation.errors import SpecError
from bench.foundation.files import atomic_write_text
from reports.growing import Row, write_growing
from reports.splicing import spliced
from strangers.comparing import ALL, Pair, evaluated, pair
from strangers.gallery import STRANGERS, Stranger

ROOT = Path(__file__).resolve().parents[2]
TABLE, PAGE = ROOT / "leaderboards" / "strangers" / "table.csv", ROOT / "docs" / "strangers.md"
BELIEVED = "foolbox:LinfPGD,steps=40"
"""An attack through the network's own slope, as most papers report."""
NAMES = {
    "reliable": "reliable",
    "reliable_with_remarks": "reliable with remarks",
    "upper_bound": "upper bound",
    "unreliable": "unreliable",
}


def rows(strangers: tuple[Stranger, ...] = STRANGERS) -> Iterator[Row]:
    """One row per stranger."""
    for stranger in strangers:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            yield row(stranger, pair(stranger, place, ALL), through_own_slope(stranger, place))


def through_own_slope(stranger: Stranger, folder: Path) -> float | None:
    """Robust accuracy under :data:`BELIEVED`; None where the network has no gradient."""
    try:
        return evaluated(stranger.make(folder), ALL, BELIEVED).cells[0].robust.value
    except SpecError:
        return None


def row(stranger: Stranger, compared: Pair, believed: float | None) -> Row:
    """What the table says of one stranger; rates are shares of all images."""
    theirs, ours = compared.stranger.cells[0], compared.twin.cells[0]
    difference, verdict = compared.difference(0.95), compared.stranger.reliability
    return {
        "name": stranger.name,
        "library": named(stranger),
        "idiom": stranger.idiom,
        "asks": stranger.asks,
        "images": theirs.robust.n,
        "clean": theirs.clean.value,
        "believed": believed,
        "robust": theirs.robust.value,
        "twin": ours.robust.value,
        "low": round(difference.low, 4),
        "high": round(difference.high, 4),
        "verdict": verdict.status,
        "reason": "; ".join(verdict.reasons) if verdict.status != "reliable" else "",
    }


def named(stranger: Stranger) -> str:
    """The library with its version."""
    package = stranger.needs.partition(".")[0]
    return stranger.library if package == "torch" else f"{stranger.library} {version(package)}"


def markdown(table: pd.DataFrame) -> str:
    """The table on the page."""
    lines = [
        "| library | idiom | what forward must do | clean | own slope | `standard` | twin | difference | verdict |",
        "|---" * 9 + "|",
    ]
    for entry in table.itertuples():
        points = 100 * (entry.robust - entry.twin)
        believed = "none" if pd.isna(entry.believed) else f"{100 * entry.believed:.0f}"
        lines.append(
            f"| {entry.library} | {entry.idiom} | {entry.asks} | {100 * entry.clean:.0f} | {believed} "
            f"| {100 * entry.robust:.0f} | {100 * entry.twin:.0f} "
            f"| {points:+.0f} [{100 * entry.low:+.0f}, {100 * entry.high:+.0f}] | {NAMES[entry.verdict]} |"
        )
    return "\n".join(lines)


def kept() -> pd.DataFrame:
    """The rows as they were written last."""
    return pd.read_csv(TABLE, keep_default_na=False, na_values={"believed": [""]})


def page_with_table(text: str) -> str:
    """The page's text with the table as it is kept."""
    return spliced(text, {"strangers": markdown(kept())}, command="make strangers", page="docs/strangers.md")


def main(arguments: list[str]) -> None:
    """Evaluate all unless ``--page`` is among the arguments, then write the page."""
    torch.set_num_threads(1)
    if "--page" not in arguments:
        write_growing(TABLE, rows(), "{name}: {robust} and {twin}, {verdict}".format_map)
    atomic_write_text(PAGE, page_with_table(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(sys.argv[1:])
