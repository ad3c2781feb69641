"""The workbench of a request: computes a unit from its key and the results it needs.

The result depends on nothing else, so it is the same in every process and on every repetition.
Attacks are not trusted: the task's judge verifies and scores the inputs that they return.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attacks.base import Stage
from attacks.inheritance import Reached
from attacks.model_oracle import ModelOracle
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.threat import Threat
from bench.evaluation.machine import machine_words
from bench.evaluation.perturbing import perturbed
from bench.evaluation.plan import needs
from bench.evaluation.request.attack_specs import threat_of
from bench.models.borrowing import undisturbed
from bench.models.precision import without_tf32
from bench.tasks.feasibility import statuses
from bench.tasks.inheritance import handed_down, inherited
from bench.tasks.judge import Shard
from bench.tasks.task import Request
from bench.tasks.unit import StageOutcome, UnitKey, UnitResult


@dataclass(frozen=True)
class Proposal:
    """Unverified output of an attack on m rows of a shard.

    images: ``(m, ...)``. failures: from position to error; its image is the clean image.
    bad_gradient: ``(m,)`` bool, rows on which some gradient was not finite. Costs ``(m,)``: passes spent, and backward
    passes whose gradient was zero everywhere.
    """

    images: Tensor
    failures: Mapping[int, str]
    bad_gradient: Tensor
    forwards: Tensor
    backwards: Tensor
    zero_gradients: Tensor


@dataclass(frozen=True)
class Job:
    """One stage of an attack on the positions ``rows`` of a shard.

    rng: their streams, ``(m,)``. inherited: the best points ``(m, ...)`` of the stages before; None for a stage that begins
    anew.
    """

    key: UnitKey
    stage: Stage
    shard: Shard
    rows: list[int]
    threat: Threat
    rng: KeyedRng
    inherited: Tensor | None = None

    @property
    def index(self) -> Tensor:
        """``rows`` as an index tensor."""
        return torch.tensor(self.rows, dtype=torch.int64, device=self.shard.x.device)


Proposer = Callable[[Job], Proposal]
"""Runs an attack: usually the stage itself, through an oracle; for isolated own code, another process."""


@dataclass(frozen=True)
class Finished:
    """A unit's result; for an attack also its images ``(m, ...)`` at the positions ``rows`` ``(m,)`` of the shard."""

    result: UnitResult
    rows: Tensor | None = None
    images: Tensor | None = None

    def handing_down(self, x: Tensor, reached: Reached, standing: Collection[int], objective: Objective | None) -> Finished:
        """With the points that later stages inherit; see :func:`bench.tasks.inheritance.handed_down`."""
        if not isinstance(self.result, StageOutcome) or self.images is None:
            return self
        points = handed_down(self.result, self.images, x, reached, standing, objective)
        return replace(self, result=replace(self.result, handed_down=points))


class Workbench:
    """Computes the units of ``request``. propose: runs attacks, by default in this process."""

    def __init__(self, request: Request, propose: Proposer | None = None) -> None:
        self.request = request
        self.judge = request.task.judge(request)
        self.propose = propose or OracleProposer(request, self.judge.objective)
        self._shard: tuple[int, Shard] | None = None

    def compute(self, key: UnitKey, done: Mapping[UnitKey, UnitResult]) -> Finished:
        """The unit ``key``. done: at least the results of the units that it :func:`~bench.evaluation.plan.needs`.

        Raises ``ModelError`` if the model fails, ``SpecError`` if an attack cannot run under the threat.
        """
        with self._own_randomness(key), without_tf32():
            finished = self._computed(key, [done[earlier] for earlier in needs(key)])
        return replace(finished, result=replace(finished.result, machine=machine_words(self.request.device)))

    def _computed(self, key: UnitKey, needed: Sequence[Any]) -> Finished:
        shard = self.shard(key.shard)
        if key.eps is None:
            return Finished(self.judge.clean(shard))
        clean, *earlier = needed
        shard = self.judge.ready(shard, clean)
        eps = next(eps for eps in self.request.eps if eps.value == key.eps)
        if key.attack is None or key.stage is None:
            return Finished(self.judge.noise(shard, clean, eps, self.request.noise_draws))
        stage = self.request.stages[key.attack][key.stage]
        rows = self.judge.standing(clean, earlier)
        rng = shard.rng.rows(torch.tensor(rows, dtype=torch.int64, device=shard.x.device))
        if key.stage:
            rng = rng.fold("stage", key.stage)
        threat = threat_of(self.request.norm, eps, stage.attack)
        stages = self.request.stages[key.attack]
        alike = [other.objective == stage.objective for other in stages]
        ancestors = [outcome for outcome, kin in zip(earlier, alike, strict=False) if kin]
        reached = inherited(ancestors, shard.x, threat, stage.objective)
        start = reached.points[rows] if stage.attack.inherits and ancestors else None
        finished = self._attacked(Job(key, stage, shard, rows, threat, rng, start))
        if not any(stages[later].attack.inherits and alike[later] for later in range(key.stage + 1, len(stages))):
            return finished
        standing = set(self.judge.standing(clean, [*earlier, finished.result]))
        return finished.handing_down(shard.x, reached, standing, stage.objective)

    def shard(self, number: int) -> Shard:
        """The samples of a shard."""
        if self._shard is None or self._shard[0] != number:
            self._shard = number, load_shard(self.request, number)
        return self._shard[1]

    def _attacked(self, job: Job) -> Finished:
        """The verified and scored proposal of a stage."""
        started = time.perf_counter()
        rows = job.index
        x, reference = job.shard.x[rows], job.shard.reference[rows]
        proposal = self.propose(job)
        images = self._on_lattice(proposal.images, x, job.threat)
        outcome = self.judge.scored(job.rows, images, x, reference, job.threat, job.rng.fold("verdict"))
        outcome = replace(
            outcome,
            status=_with_failures(outcome.status, proposal),
            forwards=proposal.forwards.tolist(),
            backwards=proposal.backwards.tolist(),
            zero_gradients=proposal.zero_gradients.tolist(),
            failure=next(iter(proposal.failures.values()), None),
            seconds=time.perf_counter() - started,
        )
        return Finished(outcome, rows, images)

    def _on_lattice(self, images: Tensor, x: Tensor, threat: Threat) -> Tensor:
        """At allowed values; not where they left the ball: that must be seen."""
        ok = [status == "ok" for status in statuses(images, x, threat)]
        inside = torch.tensor(ok, dtype=torch.bool, device=x.device)
        return torch.where(per_row(inside, x), self.request.lattice.nearest(images, x, threat), images)

    @contextmanager
    def _own_randomness(self, key: UnitKey) -> Iterator[None]:
        """Seed torch's global generator, so that layers and attacks draw the same in every run of a unit."""
        device = self.request.device
        with undisturbed(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(zlib.crc32(f"{self.request.seed} {key.text}".encode()))
            yield


def load_shard(request: Request, number: int) -> Shard:
    """The samples of a shard of a request, on its device."""
    positions = request.shards[number]
    samples = request.samples[positions.start : positions.stop]
    x, labels = samples.images.to(request.device), samples.labels.to(request.device)
    streams = KeyedRng.of(request.seed, samples.ids.to(request.device))
    return Shard(x, labels, samples.ids.tolist(), streams, labels)


class OracleProposer:
    """Attacks the model of a request through an oracle. objective: of stages that have none of their own."""

    def __init__(self, request: Request, objective: Objective) -> None:
        self.request = request
        self.objective = objective
        self.model = request.subject.proposing

    def __call__(self, job: Job) -> Proposal:
        request, rows = self.request, job.index
        x = job.shard.x[rows]
        oracle = ModelOracle.of(
            self.model,
            job.shard.reference[rows],
            path=job.stage.path or request.path,
            objective=job.stage.objective or self.objective,
            rng=job.rng.fold("layers"),
            draws=request.eot,
            stochastic=request.subject.stochastic,
            micro_batch=request.query_rows,
            sites=request.subject.sites,
            lens=request.lattice.lens(x, job.threat),
            inherited=job.inherited,
            rounds=request.subject.rounds,
        )
        images, failures = perturbed(job.stage.attack, oracle, x, job.threat, job.rng.fold("attack"))
        return Proposal(images, failures, oracle.bad_gradient, oracle.forwards, oracle.backwards, oracle.zero_gradients)


def _with_failures(status: list[str], proposal: Proposal) -> list[str]:
    """The status of each row after verification, with errors of the attack and of gradients added."""
    words = list(status)
    for row in proposal.failures:
        words[row] = "attack_error"
    for row in proposal.bad_gradient.nonzero()[:, 0].tolist():
        if words[row] == "ok":
            words[row] = "nan_gradient"
    return words
