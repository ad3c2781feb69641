"""Is an entry what the program gives? A few of its samples, attacked and scored once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bench.boards.protocol import check_program
from bench.evaluation.evaluate import Watcher, evaluate
from bench.foundation.errors import BoardError

if TYPE_CHECKING:
    import pandas as pd

    from bench.boards.store import Board, Entry
    from bench.data.base import Samples
    from bench.models.subject import Subject

ALLOWED = 0.02
"""Share of verdicts that may differ: on another chip other roundings flip spikes, and attacks go other ways. Of a score, how
much a shift may differ, in units of the score range."""
CLOSE = 1e-4
"""By how much clean scores may differ, in units of the score range."""


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
    on_tick: Watcher = lambda tick: None,
) -> Rescored:
    """Attack ``n`` of the board's ``samples`` again, drawn by ``seed``, and compare with the entry's rows."""
    protocol = board.protocol()
    check_program(protocol)
    if subject.fingerprint != entry.record.model.fingerprint:
        raise BoardError(f"The model at hand is not the one entered as {entry.name}.", "Give the submission as entered.")
    picked = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:n].sort().values
    again = evaluate(
        subject,
        attack=protocol.specs,
        eps=",".join(protocol.eps),
        norm=protocol.norm,
        n=None,
        data=samples[picked],
        path=protocol.path,
        seed=protocol.seed,
        on_tick=on_tick,
    ).rows
    both = again.merge(entry.record.rows, on=["sample", "attack", "eps"], suffixes=("", "_kept"))
    if len(both) != len(again):
        raise BoardError(f"{entry.name} has no rows for some samples of {board}.", f"Run bench board verify {board}.")
    return (_scores if protocol.task == "quality" else _decisions)(both, entry)


def _decisions(both: pd.DataFrame, entry: Entry) -> Rescored:
    """Decisions are equal or they are not."""

    def equal(name: str) -> int:
        return int((both[name] == both[f"{name}_kept"]).sum())

    return Rescored(len(both), equal("clean_pred"), equal("verdict"), equal("adv_sha256"))


def _scores(both: pd.DataFrame, entry: Entry) -> Rescored:
    """Clean scores are equal within rounding; so are shifts, a little more widely."""
    low, high = entry.record.model.score_range or (0.0, 1.0)
    width = high - low
    clean = (both["clean"] - both["clean_kept"]).abs() <= CLOSE * width
    shift = (both["shift"].abs() - both["shift_kept"].abs()).abs() <= ALLOWED * width
    ways = [both[f"adv_sha256_{way}"] == both[f"adv_sha256_{way}_kept"] for way in ("up", "down")]
    return Rescored(len(both), int(clean.sum()), int(shift.sum()), int((ways[0] & ways[1]).sum()))
