"""Tables from records, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.metrics.statistics import mean
from bench.record import Interval, Record
from reports.plots import last_cells


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


def path_table(by_model: Mapping[str, Sequence[Record]], eps: str) -> str:
    """One row per model: robust accuracy at radius ``eps`` through each record's gradient path, and the worst case.

    by_model: model to its records, one per path, the same paths for every model.
    """
    paths = [record.attacks[0].path for record in next(iter(by_model.values()))]
    header = ["model", *(f"`{path}`" for path in paths), "worst path per sample"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for model, records in by_model.items():
        rows = [record.rows[record.rows["eps_text"] == eps].set_index("sample")["robust"] for record in records]
        worst = mean(pd.concat(rows, axis=1).min(axis=1).to_numpy(float))
        cells = [next(cell for cell in last_cells(record) if cell.eps_text == eps) for record in records]
        shown = [f"{100 * cell.robust.value:.1f}" for cell in cells]
        line = [f"`{model}`", *shown, f"**{100 * worst.value:.1f}** [{100 * worst.low:.1f}, {100 * worst.high:.1f}]"]
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)
