"""Do attacks survive being stored? Robust accuracy among real-valued pixels and among images of 8 bits.

    python -m reports.pictures

For every deterministic model on the newest version of the board, at its smallest radius, on the first of its samples: what
the board's attack leaves when pixels are real numbers (the entry), what is left when those very images are rounded (the same
one), and what that attack leaves when it searches among images of 8 bits. Keeps its records in ``leaderboards/pictures`` and
writes ``table.csv`` there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bench.boards.store import Board, Entry, open_board
from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.memory import keep_freed_memory
from bench.tasks.classification.results import Cell, cell
from bench.tasks.record import Record
from reports.exit_status import end_with
from reports.growing import write_growing

BOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
WHERE = BOARDS / "pictures"
BOARD, RADIUS = "snn-cifar10-linf", "2/255"
SAMPLES = 100
"""Of the board's samples; all of them would double what the board costs."""
RATES = {"real": "pixels are real numbers", "rounded": "those images rounded", "searched": "searched among 8-bit images"}
"""Columns of the table, and what the page of the zoo says of them."""


def subjects(board: Board) -> list[Entry]:
    """Entries that are not stochastic: ten draws a query cost too much for a second look."""
    return [entry for entry in board.entries() if not entry.record.model.stochastic]


def searched(entry: Entry, seed: int) -> Record:
    """The record of a search among images of 8 bits; a kept one is read back."""
    of_board, n = entry.record, min(SAMPLES, entry.record.data.n)
    attack = [each.spec for each in of_board.attacks]
    asked = Settings(model=of_board.model.ref, attack=attack, eps=RADIUS, n=n, seed=seed, eight_bit=True)
    return evaluate_once(asked, WHERE, running_wanted())


def row(entry: Entry, record: Record) -> dict[str, object]:
    """One model, given the record of its search."""
    kept = on_samples(entry.record, record)
    found = {"real": kept.robust, "rounded": kept.robust_8bit, "searched": record.cells[0].robust}
    shown: dict[str, object] = {"model": entry.record.model.ref, "n": record.data.n}
    for name, rate in found.items():
        shown |= {name: rate.value, f"{name} low": rate.low, f"{name} high": rate.high}
    return shown


def on_samples(record: Record, other: Record) -> Cell:
    """The result of ``record`` under the attack at the radius, on the samples of ``other`` alone."""
    rows, (attack,) = record.rows, record.attacks
    chosen = (rows["attack"] == attack.spec) & (rows["eps_text"] == RADIUS) & rows["sample"].isin(set(other.rows["sample"]))
    return cell(rows[chosen], attack.spec, 0.0, [])


def markdown() -> str:
    """The written table for the page of the zoo, the most robust among real-valued pixels first."""
    table = pd.read_csv(WHERE / "table.csv").sort_values("real", ascending=False, kind="stable")
    lines = [" | ".join(["| model", *RATES.values()]) + " |", "|---" * (1 + len(RATES)) + "|"]
    for _, row in table.iterrows():
        rates = [[100 * row[f"{name}{end}"] for end in ("", " low", " high")] for name in RATES]
        cells = [f"{value:.0f} [{low:.0f}, {high:.0f}]" for value, low, high in rates]
        lines.append(" | ".join([f"| `{row['model']}`", *cells]) + " |")
    return "\n".join(lines)


def main() -> int:
    """Evaluate what has no record yet and write the table."""
    keep_freed_memory()
    board = open_board(BOARD, BOARDS)
    seed = board.protocol().seed
    used: set[str] = set()

    def rows() -> Iterator[dict[str, object]]:
        for entry in subjects(board):
            record = searched(entry, seed)
            used.add(name_of(record))
            yield row(entry, record)

    line = "{model}: {real} real, {searched} among 8-bit images".format_map
    write_growing(WHERE / "table.csv", rows(), line)
    keep_only(WHERE, lambda name: name in used)
    return 0


if __name__ == "__main__":
    end_with(main)
