"""From finished units to a record."""

from __future__ import annotations

import datetime
import platform
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
import torch

from attacks.base import Stage
from bench.evaluation.records.record import (
    EVALUATOR_VERSIONS,
    AttackInfo,
    Cell,
    DataInfo,
    ModelInfo,
    Record,
    Reliability,
    Shift,
    StageInfo,
)
from bench.evaluation.request.attack_specs import Planned
from bench.evaluation.units import Evaluator, Request
from bench.foundation.errors import ModelError
from bench.tasks.classification.checks import verdict
from bench.tasks.classification.results import assemble, cells
from bench.tasks.classification.stages import Unit
from bench.tasks.quality.checks import score_verdict
from bench.tasks.quality.results import assemble_scores, shifts


@dataclass(frozen=True)
class _Results:
    rows: pd.DataFrame
    reliability: Reliability
    cells: list[Cell] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)


def _of_decisions(evaluator: Evaluator, units: dict[str, Unit]) -> _Results:
    request = evaluator.request
    rows = assemble(request, units, len(evaluator.shards()))
    found = cells(request, rows, units, evaluator.stages)
    return _Results(rows, verdict(request, rows, found, units), cells=found)


def _of_scores(evaluator: Evaluator, units: dict[str, Unit]) -> _Results:
    request = evaluator.request
    rows = assemble_scores(request, units, len(evaluator.shards()))
    try:
        found = shifts(request, rows, units, evaluator.stages)
    except ValueError as error:
        raise ModelError(f"{request.subject.ref} gives no result: {error}.", "Choose another attack.") from error
    return _Results(rows, score_verdict(request, found, units), shifts=found)


def build(evaluator: Evaluator, units: dict[str, Unit], identity: str) -> Record:
    """The record of a request all of whose units are done."""
    request = evaluator.request
    subject, samples = request.subject, request.samples
    results = (_of_scores if subject.task == "quality" else _of_decisions)(evaluator, units)
    spiking = bool(subject.spiking) or subject.path_takers > 0
    return Record(
        evaluator_version=EVALUATOR_VERSIONS[subject.task or "classification"],
        identity=identity,
        model=ModelInfo(
            ref=subject.ref,
            fingerprint=subject.fingerprint,
            spiking=spiking,
            stochastic=subject.stochastic,
            layers=subject.path_takers,
            score_range=subject.score_range if subject.task == "quality" else None,
        ),
        data=DataInfo(name=samples.name, split=samples.split, n=len(samples.labels), sha256=samples.sha256()),
        norm=request.norm,
        attacks=[_attack_info(planned, evaluator.stages(planned), request) for planned in request.attacks],
        seed=request.seed,
        settings=request.settings,
        task=subject.task or "classification",
        cells=results.cells,
        shifts=results.shifts,
        reliability=results.reliability,
        rows_sha256="",
        seconds=sum(unit["seconds"] for key, unit in units.items() if not _is_summary(key)),
        machine=_machine(request),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    ).with_rows(results.rows)


def _is_summary(key: str) -> bool:
    """Whether a unit repeats what its stages hold: ``attack/0/eps/shard`` of ``attack/0/eps/shard/stage``."""
    return key.startswith("attack/") and key.count("/") == 3


def _attack_info(planned: Planned, stages: tuple[Stage, ...], request: Request) -> AttackInfo:
    return AttackInfo(
        spec=planned.spec,
        name=planned.name,
        passed=planned.passed,
        defaulted=planned.defaulted,
        path=request.path_spec,
        path_parameters=asdict(request.path),
        stages=[StageInfo(name=s.name, attack=repr(s.attack), path=repr(s.path or request.path)) for s in stages],
    )


def _machine(request: Request) -> dict[str, Any]:
    return {
        "device": str(request.device),
        "threads": torch.get_num_threads(),
        "micro_batch": request.micro_batch,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
