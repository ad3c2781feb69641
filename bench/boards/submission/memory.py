"""Asks a measured model whether it knows the board's images by heart, and puts the answer into its verdict.

Images that are not on the board are drawn when the model is judged, from whatever lies on this machine of the same split,
by a seed that nobody knows before; the record states it. A memory of a whole public test set is not found by this.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from bench.data import load_samples
from bench.tasks.checks import extended
from bench.tasks.lookup import submission_rules, task_named

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.tasks.record import Record
    from bench.tasks.submission import Answers


def with_memory_checked(record: Record, protocol: Protocol, ask: Answers) -> Record:
    """The record, whose verdict follows from these checks too. ask: gives the model's answers, and knows no labels."""
    memory = submission_rules(task_named(record.task)).memory
    if memory is None:
        return record
    everything = load_samples(protocol.data.name, split=protocol.data.split)
    board = everything[: protocol.data.n]
    others = everything[protocol.data.n :] if len(everything) > protocol.data.n else None
    right = record.rows.drop_duplicates("sample").set_index("sample")["clean_correct"].loc[board.ids.tolist()]
    seed = int.from_bytes(os.urandom(4), "little")
    checks = list(memory(ask, board, others, torch.tensor(right.to_numpy(), dtype=torch.float64), seed))
    return record.model_copy(update={"reliability": extended(record.reliability, checks)}).with_rows(record.rows)
