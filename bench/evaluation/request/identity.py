"""The identity of a request: the sha256 of what changes a row, and of nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from attacks.base import Stage
from attacks.cascade import Cascade
from bench.foundation.files import digest, sha256_file
from bench.tasks.resolved_attack import ResolvedAttack
from bench.tasks.task import Request

SUITE = ("attacks", "zoo", "bench", "reports")
"""Packages of this suite; of their code, the evaluator's version tells."""


def identity_of(request: Request) -> str:
    """sha256 over :func:`identity_fields`."""
    return digest(identity_fields(request))


def identity_fields(request: Request) -> dict[str, Any]:
    """What determines the rows, as canonical JSON can hold it. Device and batch sizes are not in it."""
    return {
        "evaluator": request.task.evaluator_version,
        "model": request.subject.fingerprint,
        "stochastic": request.subject.stochastic,
        "data": request.samples.sha256(),
        "norm": request.norm,
        "eps": [eps.value for eps in request.eps],
        "attacks": [
            _attack_fields(resolved, stages) for resolved, stages in zip(request.attacks, request.stages, strict=True)
        ],
        "path": {"type": type(request.path).__name__, **asdict(request.path), **_sources([request.path])},
        "seed": request.seed,
        **request.settings,
        **request.task.identity(request.subject),
    }


def _attack_fields(resolved: ResolvedAttack, stages: Sequence[Stage]) -> dict[str, Any]:
    fields = {"name": resolved.name, **resolved.defaulted, **resolved.passed}
    if isinstance(resolved.attack, Cascade):
        fields["stages"] = [repr(stage) for stage in stages]
    attacks = [resolved.attack, *(stage.attack for stage in stages)]
    attacks += [part for attack in attacks for part in attack.parts]
    return fields | _sources([*attacks, *(stage.path for stage in stages)])


def _sources(objects: Sequence[object]) -> dict[str, Any]:
    """Hashes of the modules whose classes are not part of the suite."""
    kinds = {type(each) for each in objects if type(each).__module__.partition(".")[0] not in (*SUITE, "builtins")}
    hashes = {f"{kind.__module__}:{kind.__qualname__}": _source_sha256(kind) for kind in kinds}
    return {"source_sha256": hashes} if hashes else {}


def _source_sha256(kind: type) -> str | None:
    """Of the file that defines a class; None for one that was typed into an interpreter."""
    try:
        return sha256_file(Path(inspect.getfile(kind)))
    except (OSError, TypeError):
        return None


def folder_name(ref: str, identity: str) -> str:
    """Where a record lies below ``out``: readable, and unique to what was asked."""
    readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in ref.rpartition("/")[2])
    return f"{readable}-{identity[:12]}"


def folder_for(request: Request) -> str:
    """Where the record of a request lies below ``out``."""
    return folder_name(request.subject.ref, identity_of(request))
