"""Tables from records, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.evaluation.records.record import Interval, Record


def percent(interval: Interval) -> str:
    """``31.2 [28.4, 34.1]``."""
    return f"{100 * interval.value:z.1f} [{100 * interval.low:z.1f}, {100 * interval.high:z.1f}]"


def told(interval: Interval) -> str:
    """``0.312 [0.284, 0.341]``."""
    return f"{interval.value:z.3f} [{interval.low:z.3f}, {interval.high:z.3f}]"


def robustness_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per model: samples, clean, then per radius of ``radii`` accuracy under noise and under each attack."""
    return _table(
        records,
        radii,
        "clean",
        lambda record: percent(record.cells[0].clean),
        lambda record: {(cell.eps_text, cell.attack): (percent(cell.noise), percent(cell.robust)) for cell in record.cells},
    )


def shift_table(records: Sequence[Record], radii: Sequence[str]) -> str:
    """One row per model that scores: samples, clean rank correlation, then mean |shift| per radius, noise and attack."""
    return _table(
        records,
        radii,
        "clean SRCC",
        lambda record: told(record.shifts[0].srcc_clean),
        lambda record: {(one.eps_text, one.attack): (told(one.noise), told(one.absolute)) for one in record.shifts},
    )


def _table(
    records: Sequence[Record],
    radii: Sequence[str],
    about: str,
    clean: Callable[[Record], str],
    results: Callable[[Record], dict[tuple[str, str], tuple[str, str]]],
) -> str:
    """results: (radius, attack) to what is said of noise and of the attack."""
    attacks = [attack.spec for attack in records[0].attacks]
    header = ["model", "n", about]
    for eps in radii:
        header += [f"noise {eps}", *(f"`{attack}` {eps}" for attack in attacks)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for record in records:
        found = results(record)
        row = [f"`{record.model.ref}`", str(record.data.n), clean(record)]
        for eps in radii:
            row += [found[eps, attacks[0]][0], *(found[eps, attack][1] for attack in attacks)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)
