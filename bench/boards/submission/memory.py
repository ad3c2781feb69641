"""Asks a measured model whether it knows the board's images by heart, and puts the answer into its verdict.

Images that are not on the board are drawn when the model is judged, from whatever lies on this machine of the same split,
by a seed that nobody knows before; the record states it. Where the full set lies here, those that ship with the suite are
not among them. A memory of a whole public test set is not found by this.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.data import load_samples
from bench.data.embedded import SHIPPED
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
SEEDS = 2**32
"""Seeds are whole numbers below this."""
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
    board, others = _board_and_others(protocol)
    right = record.rows.drop_duplicates("sample").set_index("sample")["clean_correct"].loc[board.ids.tolist()]
    clean = torch.tensor(right.to_numpy(), dtype=torch.float64)
    return with_checks(record, list(memory(ask, board, others if len(others) else None, clean, _new_seed())))


def _board_and_others(protocol: Protocol) -> tuple[Samples, Samples]:
    """The samples of the board, and those beside it.

    Where the full set lies on this machine, samples that ship with the suite are left out of the others: a model may have
    learnt them from any copy of it.
    """
    everything = load_samples(protocol.data.name, split=protocol.data.split)
    n, shipped = protocol.data.n, SHIPPED.get(protocol.data.name, 0) if protocol.data.split == "test" else 0
    return everything[:n], everything[max(n, shipped) :] if len(everything) > shipped else everything[n:]


def to_attack(protocol: Protocol, place: Path) -> Samples | None:
    """Images beside the board that own code is attacked on as well; None where there are too few.

    place: a file that keeps the seed of their draw, so that a killed run goes on with the same images. Where it is damaged,
        others are drawn.
    """
    if submission_rules(task_named(protocol.task)).memory_under_attack is None:
        return None
    _, others = _board_and_others(protocol)
    n = min(protocol.data.n // SHARE, len(others))
    if n < FEWEST:
        return None
    generator = torch.Generator().manual_seed(_seed_in(place))
    return others[torch.randperm(len(others), generator=generator)[:n].sort().values]


def _seed_in(place: Path) -> int:
    """The seed that a file keeps; a new one, which it keeps from now on, where there is none that can be read."""
    try:
        seed = int(place.read_text(encoding="ascii"))
    except (OSError, ValueError):
        seed = -1
    if not 0 <= seed < SEEDS:
        seed = _new_seed()
        atomic_write_text(place, str(seed))
    return seed


def with_attack_compared(record: Record, others: Record) -> Record:
    """The record after the check under attack. others: the same model under the same attacks, on other images."""
    check = submission_rules(task_named(record.task)).memory_under_attack
    return record if check is None else with_checks(record, [check(record, others)])


def _new_seed() -> int:
    return int.from_bytes(os.urandom(4), "little")
