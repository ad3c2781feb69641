"""Tables from records, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.foundation.escaping import for_code
from bench.tasks.lookup import task_named
from bench.tasks.record import Record
from reports.plots import told_apart


def comparison_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per record: samples, the clean figure, then per radius of ``radii`` noise and each attack.

    Figures are accuracies in percent, or of models that score rank correlation and mean |shift|.
    """
    task = task_named(records[0].task)
    attacks = [attack.spec for attack in records[0].attacks]
    header = ["model", "n", task.figures(records[0].results).clean_title]
    for eps in radii:
        header += [f"noise {eps}", *(f"{for_code(attack)} {eps}" for attack in attacks)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for record, name in zip(records, told_apart([record.model.ref for record in records], records), strict=True):
        figures = task.figures(record.results)
        row = [for_code(name), str(record.data.n), figures.clean]
        for eps in radii:
            row.append(figures.attacked[eps, attacks[0]][0])
            row += [figures.attacked[eps, attack][1] for attack in attacks]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)
