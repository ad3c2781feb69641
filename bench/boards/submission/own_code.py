"""Own code under a protocol: one process is attacked, another one judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bench.boards.protocol import Protocol as BoardProtocol
from bench.boards.submission.folder import Snapshot
from bench.boards.submission.frames import LENGTHS, Frame, lengths, unpacked
from bench.boards.submission.judging import Found, blind, judge
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.opening import fingerprint
from bench.boards.submission.probes import Isolated, started
from bench.boards.submission.proposing import ask, checked
from bench.boards.submission.score_judging import FoundScores, judge_scores
from bench.boards.submission.score_proposing import ask_to_move, checked_move
from bench.evaluation.evaluate import Tick, Watcher, folder_name
from bench.evaluation.request.resolve import identity_fields, resolve
from bench.foundation.errors import SubmissionError
from bench.foundation.files import atomic_write_bytes, digest, make_folder

if TYPE_CHECKING:
    from bench.boards.submission.process import Sandbox
    from bench.data.base import Samples
    from bench.evaluation.records.record import Record
    from bench.evaluation.request.attack_specs import Planned
    from bench.evaluation.units import Evaluator, Request
    from bench.foundation.spec import Eps
    from bench.tasks.judge import Shard


class Message(Protocol):
    """What can be kept in a file."""

    def frame(self) -> Frame: ...


M = TypeVar("M", bound=Message)


def isolated(
    taken: Snapshot, protocol: BoardProtocol, out: Path, trust_code: bool, limits: Limits, on_tick: Watcher
) -> Record:
    """The record of own code; the same call resumes in ``out``.

    Raises ``SubmissionError`` and ``IsolationError`` for whatever the code does wrong.
    """
    with started(taken, trust_code=trust_code, limits=limits) as (sandbox, layers):
        request = _request(taken, protocol, layers)
        identity = digest(identity_fields(request))
        folder = out / folder_name(request.subject.ref, identity)
        make_folder(folder)
        scores = taken.submission.task == "quality"
        found: Any = (_moved if scores else _proposed)(request, folder, sandbox, on_tick)
    with started(taken, trust_code=trust_code, limits=limits) as (sandbox, layers):
        if layers != request.subject.path_takers:
            raise SubmissionError("The code builds another network each time.", "Let the factory build one network.")
        model = Isolated(sandbox, layers)
        if scores:
            return judge_scores(request, found, model.scores, identity, folder)
        return judge(request, found, model.logits, identity, folder)


def _request(taken: Snapshot, protocol: BoardProtocol, layers: int) -> Request:
    submission = taken.submission
    subject = blind(
        {
            "ref": f"submission:{submission.name}@{submission.version}",
            "fingerprint": fingerprint(taken),
            "dataset": submission.dataset,
            "spiking": submission.spiking,
            "stochastic": submission.stochastic,
            "task": submission.task,
        },
        layers,
    )
    return resolve(
        subject,
        protocol.specs,
        ",".join(protocol.eps),
        norm=protocol.norm,
        n=protocol.data.n,
        data=protocol.data.name,
        split=protocol.data.split,
        path=protocol.path,
        seed=protocol.seed,
    )


def _proposed(request: Request, folder: Path, sandbox: Sandbox, on_tick: Watcher) -> Found:
    """What each attack made of each shard of a model that decides."""
    found: Found = {}
    todo = list(_shards(request))
    for done, (evaluator, number, planned, eps, index, samples) in enumerate(todo, 1):
        stages = len(evaluator.stages(planned))
        asked = {"stages": stages, **_question(request, planned, eps)}
        found[number, eps.text, index], kept = _once(
            folder / f"proposals-{number}-{eps.value!r}-{index}",
            partial(ask, sandbox, samples, **asked),
            partial(checked, samples=samples, stages=stages),
        )
        on_tick(Tick(done, len(todo), f"{planned.name} at {eps.text}", kept))
    return found


def _moved(request: Request, folder: Path, sandbox: Sandbox, on_tick: Watcher) -> FoundScores:
    """What each stage of each attack made of each shard of a model that scores."""
    found: FoundScores = {}
    todo = [(step, *one) for one in _shards(request) for step in range(len(one[0].stages(one[2])))]
    for done, (step, evaluator, number, planned, eps, index, samples) in enumerate(todo, 1):
        key = f"attack/{number}/{eps.value!r}/{index}/{step}"
        asked = {"stage": step, "key": key, **_question(request, planned, eps)}
        found[number, eps.text, index, step], kept = _once(
            folder / f"moves-{number}-{eps.value!r}-{index}-{step}",
            partial(ask_to_move, sandbox, samples, **asked),
            partial(checked_move, samples=samples),
        )
        on_tick(Tick(done, len(todo), f"{evaluator.stages(planned)[step].name} at {eps.text}", kept))
    return found


def _shards(request: Request) -> Iterator[tuple[Evaluator, int, Planned, Eps, int, Samples]]:
    from bench.evaluation.units import Evaluator

    evaluator = Evaluator(request)
    for index, positions in enumerate(evaluator.shards()):
        samples = _floats(request.samples, evaluator.shard(positions), positions)
        for eps in request.eps:
            for number, planned in enumerate(request.attacks):
                yield evaluator, number, planned, eps, index, samples


def _question(request: Request, planned: Planned, eps: Eps) -> dict[str, Any]:
    return {
        "attack": planned.spec,
        "eps": eps.text,
        "norm": request.norm,
        "path": request.path_spec,
        "seed": request.seed,
    }


def _once(path: Path, ask: Callable[[], M], checked: Callable[[Frame], M]) -> tuple[M, bool]:
    """The answer, and whether it was there: it is kept in a file at once, so that a killed run goes on where it was."""
    if path.is_file():
        return checked(_read(path)), True
    answer = ask()
    atomic_write_bytes(path, answer.frame().packed())
    return answer, False


def _read(path: Path) -> Frame:
    content = path.read_bytes()
    head, _ = lengths(content[:LENGTHS])
    return unpacked(content[LENGTHS : LENGTHS + head], content[LENGTHS + head :])


def _floats(samples: Samples, shard: Shard, positions: range) -> Samples:
    """The samples of a shard, as the evaluator sees them."""
    return replace(samples[positions.start : positions.stop], pixels=shard.x)
