"""Attacks on scores: the direction of each stage, and how the outcomes of stages are combined.

A score is moved, never broken, so every stage runs on all samples, once to raise the score and once to lower it. An attack
with a score objective of its own (``deviation``, ``away_from_mid``, ``increase``, ...) runs once, and the sign of its shift
decides whether it counts upwards or downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from attacks.base import Attack, Stage
from attacks.fitting import Traits
from attacks.objectives import Objective
from attacks.score_objectives import Decrease, Increase
from bench.foundation.errors import SpecError
from bench.tasks.moving import stages_that_move
from bench.tasks.quality.units import ScoreOutcome
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.resolved_attack import ResolvedAttack

UP, DOWN = "up", "down"
WAYS: dict[str, Objective] = {UP: Increase(), DOWN: Decrease()}
MOVED = ("shift", "shift_8bit", "adv_sha256")
"""Columns of a unit that exist per direction."""


def stages_of(resolved: ResolvedAttack, norm: str, traits: Traits) -> tuple[Stage, ...]:
    """The stages of an attack on a model that scores. Raises ``SpecError`` for an attack on classes only."""
    return tuple(directed for stage in stages_that_move(resolved, norm, traits) for directed in _ways(stage))


def _ways(stage: Stage) -> tuple[Stage, ...]:
    objective = _own_objective(stage.attack)
    if objective is not None:
        return (stage,)
    return tuple(replace(stage, name=f"{stage.name}, {way}", objective=toward) for way, toward in WAYS.items())


def _own_objective(attack: Attack) -> str | None:
    reason = attack.misfit_of_model(Traits(scores=True))
    if reason is not None:
        raise SpecError(
            f"{reason}.",
            "Use pgd, apgd or square, with an objective of: increase, decrease, away_from_mid, deviation; or none.",
        )
    name: str | None = getattr(attack, "objective", None)
    return name


@dataclass(frozen=True, kw_only=True)
class Farthest:
    """Per row and direction the stage that moved the score farthest, and the costs of all stages; lists of one length.

    shift_up: None where no stage moved the score upwards without failing. up_by: number of the stage. A row has the first
    status that is not ``ok``, because a stage that failed may hide a larger shift.
    """

    rows: list[int]
    status: list[str]
    norm_value: list[float]
    unstable: list[bool]
    forwards: list[int]
    backwards: list[int]
    zero_gradients: list[int]
    shift_up: list[float | None]
    shift_down: list[float | None]
    shift_8bit_up: list[float | None]
    shift_8bit_down: list[float | None]
    adv_sha256_up: list[str]
    adv_sha256_down: list[str]
    up_by: list[int | None]
    down_by: list[int | None]


def combined(stages: Sequence[Stage], outcomes: Sequence[ScoreOutcome]) -> Farthest:
    """The combined outcome of all stages of an attack."""
    count = len(outcomes[0].rows)
    columns: dict[str, Any] = {"rows": list(outcomes[0].rows)}
    for name in COSTS:
        columns[name] = [sum(getattr(outcome, name)[row] for outcome in outcomes) for row in range(count)]
    columns["status"] = [next((o.status[row] for o in outcomes if o.status[row] != "ok"), "ok") for row in range(count)]
    columns["unstable"] = [any(outcome.unstable[row] for outcome in outcomes) for row in range(count)]
    columns["norm_value"] = [max(outcome.norm_value[row] for outcome in outcomes) for row in range(count)]
    for way in WAYS:
        entries = [_farthest(way, stages, outcomes, row) for row in range(count)]
        for name in MOVED:
            columns[f"{name}_{way}"] = [entry[name] for entry in entries]
        columns[f"{way}_by"] = [entry["by"] for entry in entries]
    return Farthest(**columns)


def _farthest(way: str, stages: Sequence[Stage], outcomes: Sequence[ScoreOutcome], row: int) -> dict[str, Any]:
    sign = 1 if way == UP else -1
    best: dict[str, Any] = {"shift": None, "shift_8bit": None, "adv_sha256": "", "by": None}
    for number, (stage, outcome) in enumerate(zip(stages, outcomes, strict=True)):
        shift = outcome.shift[row]
        pushed = stage.objective == WAYS[way] if stage.objective is not None else sign * shift >= 0
        if outcome.status[row] != "ok" or not pushed:
            continue
        if best["shift"] is None or sign * shift > sign * best["shift"]:
            best = {name: getattr(outcome, name)[row] for name in MOVED} | {"by": number}
    return best


def chosen_images(stages: Sequence[Stage], outcomes: Sequence[ScoreOutcome]) -> dict[str, list[list[int]]]:
    """The saved inputs are those that moved each score farthest:

    one file per direction, with the positions from each stage.
    """
    farthest = combined(stages, outcomes)
    chosen = {}
    for way in WAYS:
        by = list(zip(farthest.rows, getattr(farthest, f"{way}_by"), strict=True))
        chosen[f"_{way}"] = [[row for row, number in by if number == stage] for stage in range(len(stages))]
    return chosen
