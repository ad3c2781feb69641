"""Attacks and scores a few samples of an entry again, to check that the program gives what the entry says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from bench.boards.protocol import check_program
from bench.evaluation.evaluate import evaluate_settings
from bench.evaluation.request.settings import Running, Ticked, Watcher
from bench.foundation.errors import BoardError
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.data.base import Samples
    from bench.models.subject import Subject

ALLOWED = 0.02
"""Share of verdicts that may differ: on another chip other roundings flip spikes, and attacks go other ways."""


@dataclass(frozen=True)
class Rescored:
    """How many rows were compared, and how many agree."""

    rows: int
    same_clean: int
    same_verdict: int
    same_images: int
    """Adversarial images with the recorded hash, bit by bit: all of them on the same kind of machine."""

    @property
    def holds(self) -> bool:
        """Whether the entry stands."""
        lost = self.rows - min(self.same_clean, self.same_verdict)
        return lost <= max(1, ALLOWED * self.rows)


def rescore(
    board: Board,
    entry: Entry,
    subject: Subject,
    samples: Samples,
    *,
    n: int,
    seed: int = 0,
    on_tick: Ticked = lambda tick: None,
) -> Rescored:
    """Attack ``n`` of the board's ``samples`` again, drawn by ``seed``, and compare with the entry's rows."""
    protocol = board.protocol()
    check_program(protocol)
    if subject.fingerprint != entry.record.model.fingerprint:
        raise BoardError(f"The model at hand is not the one entered as {entry.name}.", "Give the submission as entered.")
    picked = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:n].sort().values
    settings = replace(protocol.settings(subject), n=None, data=samples[picked])
    again = evaluate_settings(settings, Running(), Watcher(ticked=on_tick)).rows
    both = again.merge(entry.record.rows, on=["sample", "attack", "eps"], suffixes=("", "_kept"))
    if len(both) != len(again):
        raise BoardError(f"{entry.name} has no rows for some samples of {board}.", f"Run bench board verify {board}.")
    clean, verdict, images = board_rules(protocol.task).agreement(both, entry)
    return Rescored(len(both), clean, verdict, images)
