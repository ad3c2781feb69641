"""A third task in one file: a model that predicts one number, attacked to predict a larger one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from attacks.base import Stage
from attacks.fitting import Traits
from attacks.lattice import RealNumbers
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.score_objectives import Increase
from attacks.threats.threat import Threat
from bench.foundation.spec import Eps
from bench.foundation.threats import threat_at
from bench.metrics.statistics import mean
from bench.models.scorer import Scorer
from bench.tasks.checks import concluded, failures, is_decisive
from bench.tasks.comparison import Comparison
from bench.tasks.feasibility import norms, sha256_rows, statuses
from bench.tasks.judge import Shard, noisy
from bench.tasks.resolved_attack import ResolvedAttack
from bench.tasks.results import AttackResult, Interval, Reliability, Results
from bench.tasks.rows import request_columns
from bench.tasks.summary import Figures, Summary, decimal
from bench.tasks.task import ComparisonRules, Request, Task
from bench.tasks.unit import CleanAnswers, NoiseAnswers, StageOutcome, no_costs


@dataclass(frozen=True, kw_only=True)
class CleanPredictions(CleanAnswers):
    clean: list[float]


@dataclass(frozen=True, kw_only=True)
class Raised(StageOutcome):
    by: list[float]


class Growth(AttackResult):
    growth: Interval


@dataclass(frozen=True)
class Predictions:
    scorer: Scorer
    norm: str

    @property
    def objective(self) -> Objective:
        return Increase()

    def clean(self, shard: Shard) -> CleanPredictions:
        began = time.perf_counter()
        return CleanPredictions(
            sample=shard.ids,
            label=shard.labels.tolist(),
            clean=self.scorer.scores(shard.x).tolist(),
            clean_unstable=[False] * len(shard.ids),
            seconds=time.perf_counter() - began,
        )

    def ready(self, shard: Shard, clean: CleanPredictions) -> Shard:
        return replace(shard, reference=torch.tensor(clean.clean))

    def noise(self, shard: Shard, clean: CleanPredictions, eps: Eps, draws: int) -> NoiseAnswers:
        threat = threat_at(self.norm, eps.value)
        drawn = self.scorer.scores(noisy(shard.x, threat, shard.rng.fold("noise", 0), RealNumbers())).tolist()
        return NoiseAnswers(first=drawn, worst=[[value] * draws for value in drawn], seconds=0.0)

    def standing(self, clean: CleanPredictions, done: Sequence[Raised]) -> list[int]:
        return list(range(len(clean.sample)))

    def scored(self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng) -> Raised:
        return Raised(
            rows=rows,
            status=statuses(adv, x, threat),
            norm_value=norms(adv, x, threat).tolist(),
            unstable=[False] * len(rows),
            adv_sha256=sha256_rows(adv),
            by=(self.scorer.scores(adv) - reference).tolist(),
            **no_costs(len(rows)),
        )


def _stages(resolved: ResolvedAttack, norm: str, traits: Traits) -> tuple[Stage, ...]:
    return (Stage(resolved.name, resolved.attack),)


def _rows(request: Request, results: Results) -> pd.DataFrame:
    parts = []
    for shard, number, eps, asked in request_columns(request, results):
        clean: Any = results.clean(shard)
        (outcome,) = results.stages(number, eps, shard, 1)
        own = {"sample": clean.sample, "label": clean.label, "clean": clean.clean, "growth": outcome.by}
        parts.append(pd.DataFrame(own | asked))
    return pd.concat(parts, ignore_index=True)


def _results(request: Request, rows: pd.DataFrame, results: Results) -> list[AttackResult]:
    return [
        Growth(
            attack=str(attack),
            eps=float(eps),
            eps_text=str(text),
            noise_draws=1,
            unstable=0,
            forwards=0.0,
            backwards=0.0,
            seconds=0.0,
            growth=Interval.of(mean(part["growth"].to_numpy(float))),
        )
        for (attack, eps, text), part in rows.groupby(["attack", "eps", "eps_text"], sort=False)
    ]


def _checks(request: Request, rows: pd.DataFrame, results: list[Any], units: Results) -> Reliability:
    return concluded(list(failures(request, units)), decisive=is_decisive(request), why="a toy")


def _compare(both: pd.DataFrame, attack: str, eps_text: str, clean: bool) -> list[Comparison]:
    return []


TASK = Task(
    name="regression",
    labels="numbers",
    evaluator_version=1,
    clean_type=CleanPredictions,
    outcome_type=Raised,
    result_type=Growth,
    real_labels=True,
    takes=lambda samples: samples.labels.is_floating_point(),
    admit=lambda subject: subject,
    identity=lambda subject: {"task": "regression"},
    score_range=lambda subject: None,
    stages=_stages,
    judge=lambda request: Predictions(Scorer(request.subject.module, request.subject.ref), request.norm),
    ask=lambda scorer, x: scorer.scores(x),
    chosen_images=lambda stages, outcomes: {"": [list(outcome.rows) for outcome in outcomes]},
    rows=_rows,
    results=_results,
    checks=_checks,
    summary=lambda results, eight_bit: Summary([{"": "growth", "value": decimal(r.growth)} for r in results], "a toy"),
    figures=lambda results: Figures("clean", "", {}),
    comparison=ComparisonRules(_compare, lambda rows: rows, "growth", "z.3f", "+z.3f"),
)
