"""Tables from records, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.record import Interval, Record
from reports.plots import last_cells


def percent(interval: Interval) -> str:
    """``31.2 [28.4, 34.1]``."""
    return f"{100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def robustness_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per model: clean, then per radius of ``radii`` accuracy under noise, under attack, and the gap."""
    header = ["model", "clean"]
    for eps in radii:
        header += [f"noise {eps}", f"attack {eps}", f"gap {eps}"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for record in records:
        cells = {cell.eps_text: cell for cell in last_cells(record)}
        row = [f"`{record.model.ref}`", percent(record.cells[0].clean)]
        for eps in radii:
            row += [percent(cells[eps].noise), percent(cells[eps].robust), percent(cells[eps].gap)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)
