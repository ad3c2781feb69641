"""A submission under a board's frozen protocol, from folder to entry."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.entering import enter
from bench.boards.protocol import Protocol, check_program
from bench.boards.running import measure, under
from bench.errors import BoardError, SubmissionError
from bench.files import atomic_write_bytes, digest, make_folder
from bench.request import identity_fields, resolve
from bench.run import Tick, Watcher, folder_name
from bench.submission.folder import Snapshot, snapshot
from bench.submission.frames import LENGTHS, lengths, unpacked
from bench.submission.isolation import Limits
from bench.submission.judging import Found, blind, judge
from bench.submission.opening import fingerprint, zoo_built
from bench.submission.probes import Isolated, started
from bench.submission.proposing import Proposals, ask, checked

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.data.base import Samples
    from bench.evaluator import Request
    from bench.judges.base import Shard
    from bench.record import Record
    from bench.submission.schema import Submission


def run(
    source: Path,
    board: Board,
    *,
    out: Path,
    trust_code: bool = False,
    limits: Limits | None = None,
    on_tick: Watcher = lambda tick: None,
) -> tuple[Submission, Entry]:
    """Measure the submission in ``source`` and enter it; the same call resumes in ``out``.

    limits: of each isolated process. Raises a :class:`~bench.errors.BenchError` for whatever is wrong with the
    submission, the board, or the place it would run in; the board is then as it was.
    """
    with snapshot(source) as taken:
        submission, protocol = taken.submission, board.protocol()
        check_program(protocol)
        _fits(submission, board, protocol)
        if submission.code is None:
            record = measure(board, zoo_built(taken), out=out, on_tick=on_tick)
        else:
            record = under(_isolated(taken, protocol, out, trust_code, limits or Limits(), on_tick), board)
        return submission, enter(board, record, submission.card(datetime.datetime.now(datetime.UTC).date()))


def _fits(submission: Submission, board: Board, protocol: Protocol) -> None:
    """Before hours are spent."""
    if submission.task != protocol.task:
        raise SubmissionError(f"{submission.name} is for {submission.task}, {board} for {protocol.task}.", "Choose a board.")
    if submission.threat_model.norm != protocol.norm:
        raise SubmissionError(
            f"{submission.name} claims to hold in {submission.threat_model.norm}, {board} measures {protocol.norm}.",
            "Choose another board.",
        )
    taken = [name for name in board.names() if name.model == submission.name]
    if any(name.version >= submission.version for name in taken):
        latest = max(name.version for name in taken)
        raise BoardError(
            f"{submission.name}@{latest} is on {board} already.", f"If the model changed, call it version {latest + 1}."
        )


def _isolated(taken: Snapshot, protocol: Protocol, out: Path, trust_code: bool, limits: Limits, on_tick: Watcher) -> Record:
    """Own code: one process is attacked, another one judges."""
    with started(taken, trust_code=trust_code, limits=limits) as (sandbox, layers):
        request = _request(taken, protocol, layers)
        identity = digest(identity_fields(request))
        folder = out / folder_name(request.subject.ref, identity)
        make_folder(folder)
        found = _proposals(request, folder, lambda samples, **asked: ask(sandbox, samples, **asked), on_tick)
    with started(taken, trust_code=trust_code, limits=limits) as (sandbox, layers):
        if layers != request.subject.path_takers:
            raise SubmissionError("The code builds another network each time.", "Let the factory build one network.")
        return judge(request, found, Isolated(sandbox, layers).logits, identity)


def _request(taken: Snapshot, protocol: Protocol, layers: int) -> Request:
    submission = taken.submission
    subject = blind(
        {
            "ref": f"submission:{submission.name}@{submission.version}",
            "fingerprint": fingerprint(taken),
            "dataset": submission.dataset,
            "spiking": submission.spiking,
            "stochastic": submission.stochastic,
        },
        layers,
    )
    data, eps = protocol.data, ",".join(protocol.eps)
    path, seed = protocol.path, protocol.seed
    return resolve(
        subject, protocol.specs, eps, protocol.norm, data.n, data.name, data.split, path, seed, False, None, "cpu", None
    )


def _proposals(request: Request, folder: Path, ask: Callable[..., Proposals], on_tick: Watcher) -> Found:
    """All proposals, each kept in a file as soon as it is there, so that a killed run goes on where it was."""
    from bench.evaluator import Evaluator

    evaluator = Evaluator(request)
    found: Found = {}
    todo = [
        (number, eps, index, positions)
        for index, positions in enumerate(evaluator.shards())
        for eps in request.eps
        for number in range(len(request.attacks))
    ]
    for done, (number, eps, index, positions) in enumerate(todo, 1):
        planned = request.attacks[number]
        samples = _floats(request.samples, evaluator.shard(positions), positions)
        stages = len(evaluator.stages(planned))
        path = folder / f"proposals-{number}-{eps.value!r}-{index}"
        kept = path.is_file()
        if kept:
            found[number, eps.text, index] = _read(path, samples, stages)
        else:
            proposals = ask(
                samples,
                stages=stages,
                attack=planned.spec,
                eps=eps.text,
                norm=request.norm,
                path=request.path_spec,
                seed=request.seed,
            )
            atomic_write_bytes(path, proposals.frame().packed())
            found[number, eps.text, index] = proposals
        on_tick(Tick(done, len(todo), f"{planned.name} at {eps.text}", kept))
    return found


def _floats(samples: Samples, shard: Shard, positions: range) -> Samples:
    """The samples of a shard, as the evaluator sees them."""
    return replace(samples[positions.start : positions.stop], pixels=shard.x)


def _read(path: Path, samples: Samples, stages: int) -> Proposals:
    content = path.read_bytes()
    head, _ = lengths(content[:LENGTHS])
    frame = unpacked(content[LENGTHS : LENGTHS + head], content[LENGTHS + head :])
    return checked(frame, samples, stages)
