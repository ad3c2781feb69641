"""The whole zoo as one Markdown table, from what ``bench measure`` found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.foundation.errors import RecordError
from bench.studies.measures.running import ATTACKS
from bench.studies.measures.sheet import Attacked, Sheet
from bench.tasks.results import Interval
from bench.tasks.summary import percent
from reports.measures import HOW
from zoo.card import card

NONE = "-"


def zoo_table(sheets: Sequence[Sheet], radii: Sequence[str]) -> str:
    """One row per model, the most robust under ``standard`` at the first radius first, those not measured there last.

    Accuracies in %, with the 95% interval under attack; the energy of one image in nJ. A number of samples is said where
    it is not that of most models. Raises ``RecordError`` without sheets.
    """
    if not sheets:
        raise RecordError("There are no measures to make a table of.", HOW)
    usual = {attack: _usual(sheets, attack) for attack in ATTACKS}
    shown = [(attack, eps) for eps in radii for attack in ATTACKS]
    header = ["model", "defense", "clean", f"noise {radii[0]}", *(f"`{attack}` {eps}" for attack, eps in shown), "nJ"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for sheet in sorted(sheets, key=lambda sheet: _rank(sheet, radii[0])):
        under = {(one.attack, one.eps): one for one in sheet.attacked}
        cells = [_cell(under.get(key), usual[key[0]]) for key in shown]
        noise = next((_noise(one, usual[key[0]]) for key in shown if (one := under.get(key)) and key[1] == radii[0]), NONE)
        about = [f"`zoo:{sheet.model}`", card(sheet.model).defense.name.replace("_", " ")]
        energy = f"{sheet.cost.energy_nj:.0f}" if sheet.cost else NONE
        lines.append("| " + " | ".join([*about, _point(sheet.clean), noise, *cells, energy]) + " |")
    return "\n".join(lines)


def _usual(sheets: Sequence[Sheet], attack: str) -> int:
    """How many samples most sheets rest on."""
    sizes = Counter(one.robust.n for sheet in sheets for one in sheet.attacked if one.attack == attack)
    return sizes.most_common(1)[0][0] if sizes else 0


def _rank(sheet: Sheet, eps: str) -> tuple[float, str]:
    found = [one.robust.value for one in sheet.attacked if (one.attack, one.eps) == ("standard", eps)]
    return -found[0] if found else 1.0, sheet.model


def _cell(one: Attacked | None, usual: int) -> str:
    if one is None:
        return NONE
    doubt = " *unreliable*" if one.reliability == "unreliable" else ""
    return percent(one.robust) + _few(one, usual) + doubt


def _noise(one: Attacked, usual: int) -> str:
    return _point(one.noise) + _few(one, usual)


def _few(one: Attacked, usual: int) -> str:
    return "" if one.robust.n == usual else f" (n={one.robust.n})"


def _point(interval: Interval | None) -> str:
    return f"{100 * interval.value:.1f}" if interval else NONE
