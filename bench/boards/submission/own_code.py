"""Own code under a protocol: one process is attacked, another one judges."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.stages import refuse_other_stages
from bench.boards.submission.answers_only import answers_only
from bench.boards.submission.description import Description
from bench.boards.submission.folder import Snapshot
from bench.boards.submission.frames import LENGTHS, Frame, lengths, unpacked
from bench.boards.submission.judging import ProposalsOf, judge
from bench.boards.submission.memory import to_attack, with_attack_compared, with_memory_checked
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import Isolated, described, started
from bench.boards.submission.proposing import Most, Proposals, ask, checked
from bench.data import load_samples
from bench.evaluation.request.identity import folder_name, identity_of
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Tick, Ticked
from bench.foundation.errors import SubmissionError
from bench.foundation.files import atomic_write_bytes, make_folder
from bench.models.recognition import PROBED
from bench.tasks.lookup import submission_rules

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.submission.process import Sandbox
    from bench.data.base import Samples
    from bench.tasks.record import Record
    from bench.tasks.task import Request

BESIDE = "beside"
"""Folder of a run with what was proposed on images that are not on the board."""
SEAL = 32
"""Bytes of the hash before what a file keeps."""


def isolated(verified: Snapshot, protocol: Protocol, out: Path, trust_code: bool, limits: Limits, on_tick: Ticked) -> Record:
    """The record of own code; the same call resumes in ``out``.

    Raises ``SubmissionError`` and ``IsolationError`` for whatever the code does wrong.
    """
    with started(verified, trust_code=trust_code, limits=limits) as (sandbox, _):
        first = load_samples(protocol.data.name, split=protocol.data.split, n=min(PROBED, protocol.data.n))
        description = described(sandbox, first.images)
        request = _request(verified, protocol, description)
        refuse_other_stages(request, protocol)
        folder = out / folder_name(request.subject.ref, identity_of(request))
        runs = [(request, folder)]
        make_folder(folder / BESIDE)
        if (others := to_attack(protocol, folder / BESIDE / "seed")) is not None:
            runs.append((_request(verified, protocol, description, others), folder / BESIDE))
        steps = _Steps(sum(map(_cells, (each for each, _ in runs))) + len(runs) + 1, on_tick)
        proposals = [_proposals(each, place, sandbox, steps) for each, place in runs]
    with started(verified, trust_code=trust_code, limits=limits) as (sandbox, layers):
        if layers != request.subject.whole_layers:
            raise SubmissionError("The code builds another network each time.", "Let the factory build one network.")
        answers = submission_rules(request.task).answers(Isolated(sandbox, verified))
        records = []
        for (each, place), proposed in zip(runs, proposals, strict=True):
            records.append(judge(each, proposed, answers, identity_of(each), place))
            steps.finished("judged")
        record = records[0] if others is None else with_attack_compared(*records)
        record = with_memory_checked(record, protocol, answers)
        steps.finished("asked about images not on the board")
        return record


class _Steps:
    """Counts the steps of a run through its phases, so that the time left is that of the whole run."""

    def __init__(self, total: int, on_tick: Ticked) -> None:
        self._done, self._total, self._on_tick = 0, total, on_tick

    def finished(self, label: str, *, reused: bool = False) -> None:
        """One more step is finished. reused: an earlier run had finished it."""
        self._done += 1
        self._on_tick(Tick(self._done, self._total, label, reused))


def _cells(request: Request) -> int:
    """The number of questions by which a request is attacked: one per shard, radius and attack."""
    return len(request.shards) * len(request.eps) * len(request.attacks)


def _request(verified: Snapshot, protocol: Protocol, description: Description, samples: Samples | None = None) -> Request:
    """The request of the protocol. samples: in place of the board's."""
    settings = protocol.settings(answers_only(verified, description))
    return resolve(settings if samples is None else replace(settings, n=None, data=samples))


def _proposals(request: Request, folder: Path, sandbox: Sandbox, steps: _Steps) -> ProposalsOf:
    """What each attack made of each shard; kept in files, so that a killed run goes on where it was.

    A damaged file counts as missing.
    """
    proposals: dict[tuple[int, float, int], Proposals] = {}
    columns = submission_rules(request.task).gradient_columns
    for shard, eps, (number, attack) in product(range(len(request.shards)), request.eps, enumerate(request.attacks)):
        positions, stages = request.shards[shard], Most.of(request, number)
        samples = request.samples[positions.start : positions.stop]
        path = folder / f"proposals-{number}-{eps.value!r}-{shard}"
        stored = _kept(path, samples)
        if stored is not None:
            answer = checked(stored, samples, stages, columns)
        else:
            answer = ask(
                sandbox,
                samples,
                stages=stages,
                attack=attack.spec,
                eps=eps.text,
                norm=request.norm,
                path=request.path_spec,
                seed=request.seed,
                clean=columns,
            )
            content = answer.frame().packed()
            atomic_write_bytes(path, _seal(samples, content) + content)
        proposals[number, eps.value, shard] = answer
        steps.finished(f"{attack.name} at {eps.text}", reused=stored is not None)
    return proposals


def _kept(path: Path, samples: Samples) -> Frame | None:
    """What a file keeps of an earlier run; None without one, and for one that is damaged or of other samples."""
    try:
        content = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None
    packed = content[SEAL:]
    if content[:SEAL] != _seal(samples, packed):
        return None
    head, _ = lengths(packed[:LENGTHS])
    return unpacked(packed[LENGTHS : LENGTHS + head], packed[LENGTHS + head :])


def _seal(samples: Samples, content: bytes) -> bytes:
    """The hash of what was proposed, and of the samples it is for."""
    return hashlib.sha256(samples.ids.numpy().tobytes() + content).digest()
