"""The evaluator: clean accuracy, random noise and attacks, sample by sample, resumable.

Work is cut into units (a shard of samples x one thing done to it). Each finished unit goes
into the journal before the next one starts, and a unit's answer depends only on the request,
so a run that was killed gives, when repeated, the record it would have given.

Attacks are not trusted: what they return is verified and scored again here.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.gradients.base import GradientPath
from attacks.levels import nearest
from attacks.objectives import OBJECTIVES, Classification
from attacks.oracle import Lens, ModelOracle, clear
from attacks.randomness import KeyedRng
from attacks.threat import Norm, Threat, per_row
from bench.data.base import Samples
from bench.evaluation.request.attack_specs import Planned, threat_of
from bench.foundation.errors import BenchError, SpecError
from bench.foundation.spec import Eps
from bench.models.scorer import Scorer
from bench.models.subject import Subject
from bench.tasks.classification.judge import Decisions
from bench.tasks.classification.stages import Unit, stages_of
from bench.tasks.feasibility import statuses
from bench.tasks.judge import Judge, Shard
from bench.tasks.quality.judge import Scores
from bench.tasks.quality.stages import score_stages
from zoo.folding import folded

SHARD = 250
"""Samples per unit: the most work a kill can lose, and enough rows to keep micro-batches full as samples leave."""


@dataclass(frozen=True)
class Request:
    """Everything that determines the rows."""

    subject: Subject
    samples: Samples
    attacks: list[Planned]
    path_spec: str
    path: GradientPath
    norm: Norm
    eps: list[Eps]
    seed: int
    eot: int
    scorings: int
    device: torch.device
    micro_batch: int
    eight_bit: bool
    """Whether what is handed over, of attacks and of noise, is an image of 8 bits."""

    @property
    def settings(self) -> dict[str, Any]:
        """Knobs that change rows. One that was left alone and is younger than some records is not named, so that these
        keep their identity."""
        return {"eot": self.eot, "scorings": self.scorings} | ({"eight_bit": True} if self.eight_bit else {})


def stages_in(request: Request, planned: Planned) -> tuple[Stage, ...]:
    """What an attack runs on the model of a request, in order."""
    if request.subject.task == "quality":
        return score_stages(planned, norm=request.norm)
    objective = getattr(planned.attack, "objective", None)
    if objective is not None and not issubclass(OBJECTIVES[objective], Classification):
        raise SpecError(f"The objective {objective} is for scores, and this model decides.", "Use ce, margin or dlr.")
    return stages_of(planned, norm=request.norm, **request.subject.traits)


def judge_of(request: Request) -> Judge:
    """Who says what an image did to the model of a request."""
    subject = request.subject
    if subject.task == "quality":
        low, high = subject.score_range
        return Scores(Scorer(subject.module, subject.ref), request.norm, high - low, request.micro_batch, request.eight_bit)
    scorer = Scorer(subject.module, subject.ref, request.scorings, classes=int(request.samples.labels.max()) + 1)
    return Decisions(scorer, request.norm, subject.stochastic, request.micro_batch, request.eight_bit)


class Evaluator:
    """Computes units of a request."""

    def __init__(self, request: Request, save_adversarial: Callable[[str, Tensor, Tensor], None] | None = None) -> None:
        self.request = request
        self.proposer = folded(request.subject.module)
        self.judge = judge_of(request)
        self.save_adversarial = save_adversarial

    @contextmanager
    def own_randomness(self, key: str) -> Iterator[None]:
        """Layers and attacks that draw from torch's global generator draw the same in every run of the unit ``key``."""
        device = self.request.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(zlib.crc32(f"{self.request.seed} {key}".encode()))
            yield

    def shards(self) -> list[range]:
        """Sample positions per shard."""
        n = len(self.request.samples.labels)
        return [range(start, min(start + SHARD, n)) for start in range(0, n, SHARD)]

    def shard(self, positions: range) -> Shard:
        """The samples at ``positions``."""
        request = self.request
        chosen = slice(positions.start, positions.stop)
        ids = [int(i) for i in request.samples.ids[chosen]]
        x = request.samples[chosen].images.to(request.device)
        labels = request.samples.labels[chosen].to(request.device)
        return Shard(x, labels, ids, KeyedRng.of(request.seed, torch.tensor(ids, device=request.device)), labels)

    def stages(self, planned: Planned) -> tuple[Stage, ...]:
        """What an attack runs on this model, in order."""
        return stages_in(self.request, planned)

    def attack(self, shard: Shard, standing: list[int], eps: Eps, stage: Stage, number: int, key: str) -> Unit:
        """Run one stage on the rows ``standing``, verify and score what comes back."""
        began = time.perf_counter()
        request = self.request
        threat = threat_of(request.norm, eps, stage.attack)
        rows = torch.tensor(standing, dtype=torch.int64, device=shard.x.device)
        x, reference, rng = shard.x[rows], shard.reference[rows], shard.rng.rows(rows)
        if number:
            rng = rng.fold("stage", number)
        oracle = ModelOracle.of(
            self.proposer,
            reference,
            path=stage.path or request.path,
            objective=stage.objective or self.judge.objective,
            rng=rng.fold("layers"),
            draws=request.eot,
            stochastic=request.subject.stochastic,
            micro_batch=request.micro_batch,
            lens=_rounding(x, threat) if request.eight_bit else clear,
        )
        adv, failures = self._perturbed(stage.attack, oracle, x, threat, rng.fold("attack"))
        if request.eight_bit:  # not where it left the ball: that must be seen
            ok = [status == "ok" for status in statuses(adv, x, threat)]
            inside = torch.tensor(ok, dtype=torch.bool, device=x.device)
            adv = torch.where(per_row(inside, x), nearest(adv, x, threat), adv)
        scored = self.judge.scored(adv, x, reference, threat, rng.fold("verdict"))
        for i in failures:
            scored["status"][i] = "attack_error"
        for i in oracle.bad_gradient.nonzero()[:, 0].tolist():
            if scored["status"][i] == "ok":
                scored["status"][i] = "nan_gradient"
        unit: Unit = {
            "rows": standing,
            **scored,
            "forwards": oracle.forwards.tolist(),
            "backwards": oracle.backwards.tolist(),
            "zero_gradients": oracle.zero_gradients.tolist(),
            "failure": next(iter(failures.values()), None),
            "seconds": time.perf_counter() - began,
        }
        if self.save_adversarial is not None:
            self.save_adversarial(key, rows, adv)
        return unit

    def _perturbed(
        self, attack: Attack, oracle: ModelOracle, x: Tensor, threat: Threat, rng: KeyedRng
    ) -> tuple[Tensor, dict[int, str]]:
        """Adversarial inputs, and what went wrong with which of them (their clean inputs then stand in).

        Where an attack fails on many samples it is tried again on each half, so that one sample on which a gradient
        raises does not shelter the others.
        """
        if not len(x):
            return x, {}
        try:
            # A copy: an attack that works in place must not move the clean images it is measured against.
            adv = attack.perturb(oracle, x.clone(), threat, rng=rng).detach().to(x)
        except (BenchError, KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            if adv.shape == x.shape:
                return adv, {}
            reason = f"returned shape {tuple(adv.shape)} for {tuple(x.shape)}"
        if len(x) == 1:
            return x, {0: reason}
        failures: dict[int, str] = {}
        halves, start = [], 0
        for rows in torch.arange(len(x), device=x.device).tensor_split(2):
            part, failed = self._perturbed(attack, oracle.subset(rows), x[rows], threat.rows(rows), rng.rows(rows))
            failures |= {start + i: why for i, why in failed.items()}
            halves.append(part)
            start += len(rows)
        return torch.cat(halves), failures


def _rounding(x: Tensor, threat: Threat) -> Lens:
    """Inputs at the nearest 8-bit images in the ball around ``x``; gradients pass as if they had not been moved."""

    def rounded(adv: Tensor, rows: Tensor) -> Tensor:
        with torch.no_grad():
            change = nearest(adv, x[rows], threat.rows(rows)) - adv
        return adv + change

    return rounded
