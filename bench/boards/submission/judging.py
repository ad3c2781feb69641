"""The verdict on own code, from the answers of a fresh process that sees shuffled images and no labels.

First come the proposals of the attacked process. Then clean, noisy and adversarial images, mixed in one order drawn here,
go to the second process. The ordinary loop does the rest, with the answers standing in for the model and the proposals
for the attacks: accuracies, shifts, noise, ball, box, 8 bits and rows are computed by the code that judges every model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attacks.lattice import EightBit
from attacks.rows import per_row
from attacks.threats.threat import Threat
from bench.boards.submission.answers import Answers, Ask, secret_generator
from bench.boards.submission.proposing import STATUSES, Proposals
from bench.evaluation.build_record import build_record
from bench.evaluation.executors.executor import Serial
from bench.evaluation.loop import run
from bench.evaluation.plan import plan
from bench.evaluation.saved_images import merge_stages, save_stage
from bench.evaluation.workbench import Finished, Job, Proposal, Workbench, load_shard
from bench.foundation.threats import threat_at
from bench.tasks.feasibility import statuses
from bench.tasks.judge import Shard, noisy
from bench.tasks.record import Record
from bench.tasks.results import Results
from bench.tasks.task import Request
from bench.tasks.unit import COSTS, CleanAnswers, UnitKey, UnitResult, clean_key

DRAWS_AT_ONCE = 10
"""Noise draws per mixture: enough to hide the rest among, few enough to fit into memory."""


ProposalsOf = Mapping[tuple[int, float, int], Proposals]
"""(number of the attack, radius, shard) to what the attacked process proposes."""


@dataclass(frozen=True)
class Replayed:
    """A proposer that hands over what was proposed elsewhere; rows that were not attacked there stay clean."""

    proposals: ProposalsOf

    def __call__(self, job: Job) -> Proposal:
        key = job.key
        stage = self.proposals[key.attack or 0, key.eps or 0.0, key.shard].stages[key.stage or 0]
        images = job.shard.x.clone()
        images[stage.rows] = stage.images
        costs = {name: _of_shard(stage.costs[name], stage.rows, len(images))[job.index] for name in COSTS}
        status = [STATUSES[number] for number in _of_shard(stage.status, stage.rows, len(images))[job.index].tolist()]
        reason = stage.failure or "failed without a reason"
        return Proposal(
            images=images[job.index],
            failures={row: reason for row, word in enumerate(status) if word in ("attack_error", "timeout")},
            bad_gradient=torch.tensor([word == "nan_gradient" for word in status], dtype=torch.bool),
            **costs,
        )


def _of_shard(values: Tensor, rows: Tensor, n: int) -> Tensor:
    """Values ``(m,)`` of some rows as ``(n,)``, 0 elsewhere."""
    return torch.zeros(n, dtype=values.dtype).index_copy(0, rows, values)


class _Judging(Workbench):
    """The workbench of an answers-only subject. Columns of clean answers that need gradients come from the proposals."""

    def __init__(self, request: Request, proposals: ProposalsOf) -> None:
        super().__init__(request, Replayed(proposals))
        self._proposals = proposals

    def compute(self, key: UnitKey, done: Mapping[UnitKey, UnitResult]) -> Finished:
        finished = super().compute(key, done)
        if key != clean_key(key.shard) or not isinstance(finished.result, CleanAnswers):
            return finished
        first = next(proposals for (_, _, shard), proposals in self._proposals.items() if shard == key.shard)
        columns: dict[str, Any] = {
            name: [value if value == value else None for value in column.tolist()] for name, column in first.clean.items()
        }
        return replace(finished, result=replace(finished.result, **columns))


def judge(request: Request, proposals: ProposalsOf, ask: Ask, identity: str, folder: Path) -> Record:
    """The record of an answers-only subject, whose module is :class:`~bench.boards.submission.answers.Answers`.

    ask: the judging process. folder: where adversarial images are left, as an evaluation leaves them.
    Raises ``TypeError`` for any other subject.
    """
    answers = request.subject.module
    if not isinstance(answers, Answers):
        raise TypeError("only answers can be judged")
    secret = secret_generator()
    for number in range(len(request.shards)):
        for mixture in _mixtures(request, load_shard(request, number), number, proposals):
            answers.learn(mixture, ask, secret)

    def keep(key: UnitKey, finished: Finished) -> None:
        if finished.rows is not None and finished.images is not None:
            save_stage(folder, key, finished.rows, finished.images)

    units = run(request, plan(request), Serial(_Judging(request, proposals)), existing={}, keep=keep)
    results = Results(units, len(request.shards))
    merge_stages(folder, request, results)
    return build_record(request, results, identity)


def _mixtures(request: Request, shard: Shard, number: int, proposals: ProposalsOf) -> Iterator[Tensor]:
    """Clean, noisy, adversarial and rounded images of a shard together, ten draws of noise at a time.

    Everything but noise goes in twice: does an answer depend on its company, a rate on its draws?
    """
    plain = [shard.x]
    for (_, eps, where), proposed in proposals.items():
        if where == number:
            threat = threat_at(request.norm, eps)
            for stage in proposed.stages:
                clean = shard.x[stage.rows]
                judged = as_judged(stage.images, clean, threat)
                plain += [judged, EightBit().towards_clean(judged, clean)]
    for start in range(0, request.noise_draws, DRAWS_AT_ONCE):
        draws = range(start, min(start + DRAWS_AT_ONCE, request.noise_draws))
        noise = [
            noisy(shard.x, threat_at(request.norm, eps.value), shard.rng.fold("noise", k), request.lattice)
            for eps in request.eps
            for k in draws
        ]
        copies = plain * (2 * request.scorings if start == 0 else 1)
        yield torch.cat([*copies, *noise * request.scorings])


def as_judged(images: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Images ``(m, ...)`` as they will be judged: the clean one of ``x`` where the other leaves ball or box."""
    usable = torch.tensor([status == "ok" for status in statuses(images, x, threat)], dtype=torch.bool)
    return torch.where(per_row(usable, x), images, x)
