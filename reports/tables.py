"""Tables from records, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.record import Interval, Record


def percent(interval: Interval) -> str:
    """``31.2 [28.4, 34.1]``."""
    return f"{100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def robustness_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per model: clean, then per radius of ``radii`` accuracy under noise and under each attack."""
    attacks = [attack.spec for attack in records[0].attacks]
    header = ["model", "clean"]
    for eps in radii:
        header += [f"noise {eps}", *(f"`{attack}` {eps}" for attack in attacks)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for record in records:
        cells = {(cell.eps_text, cell.attack): cell for cell in record.cells}
        row = [f"`{record.model.ref}`", percent(record.cells[0].clean)]
        for eps in radii:
            row += [percent(cells[eps, attacks[0]].noise), *(percent(cells[eps, attack].robust) for attack in attacks)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def told(interval: Interval) -> str:
    """``0.312 [0.284, 0.341]``."""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def shift_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per model that scores: clean rank correlation, then per radius mean |shift| under noise and each attack."""
    attacks = [attack.spec for attack in records[0].attacks]
    header = ["model", "clean SRCC"]
    for eps in radii:
        header += [f"noise {eps}", *(f"`{attack}` {eps}" for attack in attacks)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for record in records:
        found = {(one.eps_text, one.attack): one for one in record.shifts}
        row = [f"`{record.model.ref}`", told(record.shifts[0].srcc_clean)]
        for eps in radii:
            row += [told(found[eps, attacks[0]].noise), *(told(found[eps, attack].absolute) for attack in attacks)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)
