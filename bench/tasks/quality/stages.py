"""Attacking a score: which way each stage pushes it, and what the stages say together.

A score is moved, never broken, so no sample leaves: every stage is run on all of them, once to raise the score and once
to lower it. An attack that brings a score objective of its own (``deviation``, ``away_from_mid``, ``increase``, ...) is run
once, and its result counts upwards or downwards by its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from attacks.base import Attack, Stage
from attacks.cascade import Cascade
from attacks.objectives import Objective
from attacks.score_objectives import Decrease, Increase
from attacks.threat import Norm
from bench.evaluation.request.attack_specs import Planned
from bench.foundation.errors import SpecError
from bench.tasks.classification.stages import SUMMED, Unit

UP, DOWN = "up", "down"
WAYS: dict[str, Objective] = {UP: Increase(), DOWN: Decrease()}
MOVED = ("shift", "shift_8bit", "adv_sha256")
"""What a unit tells of one way."""


def score_stages(planned: Planned, *, norm: Norm) -> tuple[Stage, ...]:
    """The stages of an attack on a model that scores. Raises ``SpecError`` if it is for classes only."""
    attack = planned.attack
    try:
        stages = attack.score_stages(norm=norm) if isinstance(attack, Cascade) else (Stage(planned.name, attack),)
    except ValueError as error:
        raise SpecError(f"{error}.", "Use pgd, apgd, square, quick or standard.") from error
    return tuple(both for stage in stages for both in _ways(stage))


def _ways(stage: Stage) -> tuple[Stage, ...]:
    objective = _own_objective(stage.attack)
    if objective is not None:
        return (stage,)
    return tuple(replace(stage, name=f"{stage.name}, {way}", objective=toward) for way, toward in WAYS.items())


def _own_objective(attack: Attack) -> str | None:
    try:
        attack.check_scores()
    except ValueError as error:
        raise SpecError(
            f"{error}.",
            "Use pgd, apgd or square, with an objective of: increase, decrease, away_from_mid, deviation; or none.",
        ) from error
    name: str | None = getattr(attack, "objective", None)
    return name


def combined_scores(stages: Sequence[Stage], units: list[Unit]) -> Unit:
    """One entry per row: for each way the stage that moved the score farthest, and what all of them cost.

    ``shift_up`` is None where no stage pushed upwards or all that did failed. ``up_by`` is the number of the stage.
    A row keeps the first status that is not ``ok``, because a stage that failed may hide a larger shift.
    """
    count = len(units[0]["rows"])
    columns: Unit = {"rows": list(units[0]["rows"]), "seconds": sum(unit["seconds"] for unit in units)}
    for name in SUMMED:
        columns[name] = [sum(unit[name][row] for unit in units) for row in range(count)]
    columns["status"] = [next((u["status"][row] for u in units if u["status"][row] != "ok"), "ok") for row in range(count)]
    columns["unstable"] = [any(unit["unstable"][row] for unit in units) for row in range(count)]
    columns["norm_value"] = [max(unit["norm_value"][row] for unit in units) for row in range(count)]
    for way in WAYS:
        found = [_farthest(way, stages, units, row) for row in range(count)]
        for name in (*MOVED, "by"):
            columns[f"{way}_by" if name == "by" else f"{name}_{way}"] = [entry[name] for entry in found]
    columns["failures"] = sorted({f"{g.name}: {u['failure']}" for g, u in zip(stages, units, strict=True) if u["failure"]})
    return columns


def _farthest(way: str, stages: Sequence[Stage], units: list[Unit], row: int) -> dict[str, Any]:
    sign = 1 if way == UP else -1
    best: dict[str, Any] = {"shift": None, "shift_8bit": None, "adv_sha256": "", "by": None}
    for number, (stage, unit) in enumerate(zip(stages, units, strict=True)):
        shift = unit["shift"][row]
        pushed = stage.objective == WAYS[way] if stage.objective is not None else sign * shift >= 0
        if unit["status"][row] != "ok" or not pushed:
            continue
        if best["shift"] is None or sign * shift > sign * best["shift"]:
            best = {name: unit[name][row] for name in MOVED} | {"by": number}
    return best
