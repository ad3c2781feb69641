"""The whole zoo as one Markdown table, from the sheets that ``bench measure`` writes and from the board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.foundation.errors import RecordError
from bench.studies.measures.attacked import Attacked, Results
from bench.studies.measures.sheet import Sheet
from bench.tasks.results import Interval
from bench.tasks.summary import percent
from reports.measures import HOW
from zoo.card import card

ATTACK = "standard"
NONE = "-"


def zoo_table(sheets: Sequence[Sheet], results: Results, radii: Sequence[str]) -> str:
    """One row per model, the most robust under ``standard`` at the first radius first, those not on the board last.

    Accuracies in %, with the 95% interval under attack; the energy of one image in nJ. The number of samples is given where
    it differs from that of most models. Raises ``RecordError`` without sheets.
    """
    if not sheets:
        raise RecordError("There are no measures to make a table of.", HOW)
    usual = _usual(results)
    header = ["model", "defense", "clean", f"noise {radii[0]}", *(f"`{ATTACK}` {eps}" for eps in radii), "nJ"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for sheet in sorted(sheets, key=lambda sheet: _rank(results.get(sheet.model, ()), radii[0], sheet.model)):
        at = {result.eps: result for result in results.get(sheet.model, ()) if result.attack == ATTACK}
        first = at.get(radii[0])
        noise = NONE if first is None else _point(first.noise) + _size_note(first, usual)
        about = [f"`zoo:{sheet.model}`", card(sheet.model).defense.name.replace("_", " ")]
        energy = f"{sheet.cost.energy_nj:.0f}" if sheet.cost else NONE
        cells = [*about, _point(sheet.clean), noise, *(_cell(at.get(eps), usual) for eps in radii), energy]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _usual(results: Results) -> int:
    """The most frequent number of samples; 0 without any."""
    sizes = Counter(result.robust.n for of_model in results.values() for result in of_model)
    return sizes.most_common(1)[0][0] if sizes else 0


def _rank(results: Sequence[Attacked], eps: str, name: str) -> tuple[float, str]:
    accuracies = [result.robust.value for result in results if (result.attack, result.eps) == (ATTACK, eps)]
    return -accuracies[0] if accuracies else 1.0, name


def _cell(result: Attacked | None, usual: int) -> str:
    if result is None:
        return NONE
    doubt = " *unreliable*" if result.reliability == "unreliable" else ""
    return percent(result.robust) + _size_note(result, usual) + doubt


def _size_note(result: Attacked, usual: int) -> str:
    """The number of samples in brackets, or nothing if it is the usual one."""
    return "" if result.robust.n == usual else f" (n={result.robust.n})"


def _point(interval: Interval | None) -> str:
    return f"{100 * interval.value:.1f}" if interval else NONE
