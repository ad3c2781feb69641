"""Builds a record from finished units."""

from __future__ import annotations

import datetime
import platform
from dataclasses import asdict
from typing import Any

import torch

from attacks.base import Stage
from bench.models.subject import Subject
from bench.tasks.record import AttackInfo, DataInfo, ModelInfo, Record, SpikeInfo, StageInfo
from bench.tasks.resolved_attack import ResolvedAttack
from bench.tasks.results import Results
from bench.tasks.task import Request


def build_record(request: Request, results: Results, identity: str) -> Record:
    """The record of a request, with its rows. results: all units of the request.

    Raises ``ModelError`` if the task has no results, for example because an attack failed on every sample.
    """
    task, subject, samples = request.task, request.subject, request.samples
    rows = task.rows(request, results)
    measured = task.results(request, rows, results)
    machines, computed_on = _machines(results)
    return Record(
        evaluator_version=task.evaluator_version,
        identity=identity,
        model=ModelInfo(
            ref=subject.ref,
            fingerprint=subject.fingerprint,
            spiking=bool(subject.spiking) or subject.path_takers > 0,
            stochastic=subject.stochastic,
            layers=subject.path_takers,
            spikes=_spikes(subject),
            score_range=task.score_range(subject),
            answers=[list(row) for row in subject.answers],
        ),
        data=DataInfo(name=samples.name, split=samples.split, n=len(samples), sha256=samples.sha256()),
        norm=request.norm,
        attacks=[
            attack_info(resolved, stages, left_out, request)
            for resolved, stages, left_out in zip(request.attacks, request.stages, request.left_out, strict=True)
        ],
        seed=request.seed,
        settings=request.settings,
        task=task.name,
        results=measured,
        reliability=task.checks(request, rows, measured, results),
        rows_sha256="",
        seconds=sum(result.seconds for result in results.values()),
        machine=_machine(request),
        machines=machines,
        computed_on=computed_on,
        remarks=[*samples.remarks, *subject.remarks, *task.remarks(request, measured)],
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    ).with_rows(rows)


def _spikes(subject: Subject) -> SpikeInfo | None:
    """The spike functions of a subject that was inspected for them; None for any other."""
    sites = subject.sites
    if sites is None:
        return None
    return SpikeInfo(
        controlled=[f"{site.name} at {site.place}, {site.calls} calls" for site in sites.functions],
        uncontrolled=[str(site) for site in sites.uncontrolled],
        layers=subject.path_takers - subject.whole_layers,
        obstacle=sites.obstacle,
        remarks=list(sites.remarks),
    )


def attack_info(
    resolved: ResolvedAttack, stages: tuple[Stage, ...], left_out: tuple[str, ...], request: Request
) -> AttackInfo:
    """An attack of the request as its record names it, with the stages that it has on the request's model."""
    return AttackInfo(
        spec=resolved.spec,
        name=resolved.name,
        passed=resolved.passed,
        defaulted=resolved.defaulted,
        path=request.path_spec,
        path_parameters=asdict(request.path),
        stages=[StageInfo(name=s.name, attack=repr(s.attack), path=repr(s.path or request.path)) for s in stages],
        left_out=list(left_out),
    )


def _machines(results: Results) -> tuple[list[str], dict[str, int]]:
    """All machines that computed units, and if there are several, from unit to position of its machine."""
    machines = sorted({result.machine for result in results.values()} - {""})
    if len(machines) < 2:
        return machines, {}
    return machines, {key.text: machines.index(result.machine) for key, result in results.items() if result.machine}


def _machine(request: Request) -> dict[str, Any]:
    return {
        "device": str(request.device),
        "threads": torch.get_num_threads(),
        "micro_batch": request.micro_batch,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
