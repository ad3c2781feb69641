"""Asks a measured model whether it knows the board's images by heart, and puts the answer into its verdict.

Images that are not on the board are drawn when the model is judged, from whatever lies on this machine of the same split,
by a seed that nobody knows before; the record states it. A memory of a whole public test set is not found by this.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.data import load_samples
from bench.foundation.files import atomic_write_text
from bench.tasks.checks import extended
from bench.tasks.lookup import submission_rules, task_named

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.data.base import Samples
    from bench.tasks.record import Record
    from bench.tasks.results import Check
    from bench.tasks.submission import Answers

SHARE = 10
"""One image beside the board is attacked for so many on it."""
FEWEST = 10
"""Attacked images beside the board: fewer prove nothing, so that none are attacked."""


def with_checks(record: Record, checks: list[Check]) -> Record:
    """The record, whose verdict follows from these checks too."""
    return record.model_copy(update={"reliability": extended(record.reliability, checks)}).with_rows(record.rows)


def with_memory_checked(record: Record, protocol: Protocol, ask: Answers) -> Record:
    """The record after the checks without an attack. ask: gives the model's answers, and knows no labels."""
    memory = submission_rules(task_named(record.task)).memory
    if memory is None:
        return record
    everything = load_samples(protocol.data.name, split=protocol.data.split)
    board = everything[: protocol.data.n]
    others = everything[protocol.data.n :] if len(everything) > protocol.data.n else None
    right = record.rows.drop_duplicates("sample").set_index("sample")["clean_correct"].loc[board.ids.tolist()]
    clean = torch.tensor(right.to_numpy(), dtype=torch.float64)
    return with_checks(record, list(memory(ask, board, others, clean, _new_seed())))


def to_attack(protocol: Protocol, place: Path) -> Samples | None:
    """Images beside the board that own code is attacked on as well; None where there are too few.

    place: a file that keeps the seed of their draw, so that a killed run goes on with the same images.
    """
    if submission_rules(task_named(protocol.task)).memory_under_attack is None:
        return None
    others = load_samples(protocol.data.name, split=protocol.data.split)[protocol.data.n :]
    n = min(protocol.data.n // SHARE, len(others))
    if n < FEWEST:
        return None
    if not place.is_file():
        atomic_write_text(place, str(_new_seed()))
    generator = torch.Generator().manual_seed(int(place.read_text(encoding="utf-8")))
    return others[torch.randperm(len(others), generator=generator)[:n].sort().values]


def with_attack_compared(record: Record, others: Record) -> Record:
    """The record after the check under attack. others: the same model under the same attacks, on other images."""
    check = submission_rules(task_named(record.task)).memory_under_attack
    return record if check is None else with_checks(record, [check(record, others)])


def _new_seed() -> int:
    return int.from_bytes(os.urandom(4), "little")
