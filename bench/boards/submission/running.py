"""A submission under a board's frozen protocol, from folder to entry."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.entering import enter, finished
from bench.boards.naming import EntryName
from bench.boards.protocol import Protocol, check_program
from bench.boards.running import measure, under
from bench.boards.submission.folder import snapshot
from bench.boards.submission.memory import with_memory_checked
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.opening import fingerprint, zoo_built
from bench.boards.submission.own_code import isolated
from bench.boards.submission.probes import Here, probe
from bench.boards.submission.succession import check_succession
from bench.evaluation.request.settings import Ticked
from bench.foundation.errors import SubmissionError
from bench.tasks.lookup import submission_rules, task_named

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.boards.submission.schema import Submission


def run(
    source: Path,
    board: Board,
    *,
    out: Path,
    trust_code: bool = False,
    supersede: bool = False,
    limits: Limits | None = None,
    on_tick: Ticked = lambda tick: None,
) -> tuple[Submission, Entry]:
    """Measure the submission in ``source`` and enter it; the same call resumes in ``out``, and finishes what a killed one
    began on the board.

    limits: of each isolated process. supersede: a maintainer's word that it may follow an earlier version.
    Raises a ``BenchError`` for whatever is wrong with the submission, the board, or the place it would run in; the board is
    then as it was.
    """
    with snapshot(source) as verified:
        submission, protocol = verified.submission, board.protocol()
        check_program(protocol)
        _fits(submission, board, protocol)
        if (entry := finished(board, EntryName(submission.name, submission.version), fingerprint(verified))) is not None:
            return submission, entry
        check_succession(submission, board, supersede=supersede, signed=verified.signed)
        limits = limits or Limits()
        with probe(verified, trust_code=trust_code, limits=limits) as model:
            submission_rules(task_named(submission.task)).refuse(model, submission)
        if submission.code is None:
            subject = zoo_built(verified)
            answers = submission_rules(task_named(submission.task)).answers(Here(subject))
            record = with_memory_checked(measure(board, subject, out=out, on_tick=on_tick), protocol, answers)
        else:
            record = under(isolated(verified, protocol, out, trust_code, limits, on_tick), board)
        return submission, enter(board, record, submission.card(datetime.datetime.now(datetime.UTC).date()))


def _fits(submission: Submission, board: Board, protocol: Protocol) -> None:
    """Raise for a submission that does not fit the board, before hours are spent on it."""
    if submission.task != protocol.task:
        raise SubmissionError(f"{submission.name} is for {submission.task}, {board} for {protocol.task}.", "Choose a board.")
    if submission.threat_model.norm != protocol.norm:
        raise SubmissionError(
            f"{submission.name} claims to hold in {submission.threat_model.norm}, {board} measures {protocol.norm}.",
            "Choose another board.",
        )
