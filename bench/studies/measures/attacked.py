"""Accuracy under attack of the zoo's models, as the boards have it: measured once, under a frozen protocol."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.boards.store import TABLE_FILE, open_board
from bench.foundation.errors import UnknownNameError
from bench.tasks.results import Interval
from zoo.card import card, names

BOARD, STOCHASTIC_BOARD, FAMILY_BOARD = "snn-cifar10-linf", "snn-cifar10-stochastic-linf", "snn-cifar10-resnet20-linf"
"""Of the compact networks, of those among them that draw at random when they answer, and of ResNet-20."""


@dataclass(frozen=True)
class Attacked:
    """An attack set at one radius.

    attack: its name, without a version. noise: accuracy under one draw of uniform noise of that radius. robust: accuracy
    under the attack. reliability: status of the record, see :class:`~bench.tasks.results.Reliability`.
    """

    attack: str
    eps: str
    noise: Interval
    robust: Interval
    reliability: str


Results = dict[str, Sequence[Attacked]]
"""By the name of the model."""


def attacked(root: Path, board: str = BOARD) -> Results:
    """What the newest version of a board below ``root`` says of models whose weights it was measured on.

    Empty if there is no such board. Raises ``BenchError`` if it is damaged.
    """
    try:
        entries = open_board(board, root).entries()
    except UnknownNameError:
        return {}
    results: Results = {}
    for entry in entries:
        record = entry.record
        name = record.model.ref.removeprefix("zoo:")
        weights = card(name).weights if name in names() else None
        if weights is not None and record.model.fingerprint.get("weights", {}).get("sha256") == weights.sha256:
            results[name] = [
                Attacked(cell.attack.partition("@")[0], cell.eps_text, cell.noise, cell.robust, record.reliability.status)
                for cell in record.cells
            ]
    return results


def written_percentages(root: Path, eps: str) -> dict[tuple[str, int], str]:
    """Accuracy under attack at ``eps`` in percent, by model and version, from the boards' written tables: without torch.

    Where several boards have a model, that of the compact networks counts. Empty if there is no such board or radius.
    """
    percentages: dict[tuple[str, int], str] = {}
    for board in (FAMILY_BOARD, STOCHASTIC_BOARD, BOARD):
        try:
            table = open_board(board, root).folder / TABLE_FILE
        except UnknownNameError:
            continue
        with table.open(newline="", encoding="utf-8") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get(f"robust@{eps}")]
        for row in rows:
            percentages[row["model"], int(row["version"])] = f"{100 * float(row[f'robust@{eps}']):.1f}"
    return percentages
