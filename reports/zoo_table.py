"""The whole zoo as one Markdown table, from the sheets that ``bench measure`` writes."""

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

    Accuracies in %, with the 95% interval under attack; the energy of one image in nJ. The number of samples is given where
    it differs from that of most models. Raises ``RecordError`` without sheets.
    """
    if not sheets:
        raise RecordError("There are no measures to make a table of.", HOW)
    usual = {attack: _usual(sheets, attack) for attack in ATTACKS}
    attacked_columns = [(attack, eps) for eps in radii for attack in ATTACKS]
    header = [
        "model",
        "defense",
        "clean",
        f"noise {radii[0]}",
        *(f"`{attack}` {eps}" for attack, eps in attacked_columns),
        "nJ",
    ]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for sheet in sorted(sheets, key=lambda sheet: _rank(sheet, radii[0])):
        results = {(result.attack, result.eps): result for result in sheet.attacked}
        cells = [_cell(results.get(key), usual[key[0]]) for key in attacked_columns]
        noise = next(
            (
                _noise(result, usual[key[0]])
                for key in attacked_columns
                if (result := results.get(key)) and key[1] == radii[0]
            ),
            NONE,
        )
        about = [f"`zoo:{sheet.model}`", card(sheet.model).defense.name.replace("_", " ")]
        energy = f"{sheet.cost.energy_nj:.0f}" if sheet.cost else NONE
        lines.append("| " + " | ".join([*about, _point(sheet.clean), noise, *cells, energy]) + " |")
    return "\n".join(lines)


def _usual(sheets: Sequence[Sheet], attack: str) -> int:
    """The most frequent number of samples under an attack; 0 without any."""
    sizes = Counter(result.robust.n for sheet in sheets for result in sheet.attacked if result.attack == attack)
    return sizes.most_common(1)[0][0] if sizes else 0


def _rank(sheet: Sheet, eps: str) -> tuple[float, str]:
    accuracies = [result.robust.value for result in sheet.attacked if (result.attack, result.eps) == ("standard", eps)]
    return -accuracies[0] if accuracies else 1.0, sheet.model


def _cell(result: Attacked | None, usual: int) -> str:
    if result is None:
        return NONE
    doubt = " *unreliable*" if result.reliability == "unreliable" else ""
    return percent(result.robust) + _size_note(result, usual) + doubt


def _noise(result: Attacked, usual: int) -> str:
    return _point(result.noise) + _size_note(result, usual)


def _size_note(result: Attacked, usual: int) -> str:
    """The number of samples in brackets, or nothing if it is the usual one."""
    return "" if result.robust.n == usual else f" (n={result.robust.n})"


def _point(interval: Interval | None) -> str:
    return f"{100 * interval.value:.1f}" if interval else NONE
