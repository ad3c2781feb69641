"""Attacks on decisions, stage by stage: which stages run, and how their outcomes are combined.

A plain attack is a cascade of one stage. Each stage runs only on samples that stood after all stages before, and its
inputs are verified and scored before the next stage starts, so no claim of an attack about itself is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from attacks.base import Stage
from attacks.fitting import Traits
from attacks.objectives import OBJECTIVES, Classification
from bench.foundation.errors import SpecError
from bench.foundation.threats import threat_registry
from bench.tasks.classification.units import DecisionOutcome
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.resolved_attack import ResolvedAttack

WORST_COLUMNS = ("norm_value", "adv_pred", "robust", "selection", "robust_8bit", "adv_sha256")
"""Columns taken from the stage with the lowest rate on a row."""


def stages_of(resolved: ResolvedAttack, norm: str, traits: Traits) -> tuple[Stage, ...]:
    """The stages of an attack on this kind of model, an unnamed one under the attack's own name.

    Raises ``SpecError`` for an attack whose objective is for scores.
    """
    objective = getattr(resolved.attack, "objective", None)
    if objective is not None and not issubclass(OBJECTIVES[objective], Classification):
        raise SpecError(f"The objective {objective} is for scores, and this model decides.", "Use ce, margin or dlr.")
    stages = resolved.attack.stages(threat_registry.get(norm), traits)
    return tuple(Stage(stage.name or resolved.name, stage.attack, stage.path) for stage in stages)


@dataclass(frozen=True, kw_only=True)
class Worst:
    """Per attacked row the outcome of the stage with the lowest rate on it, as lists of one length.

    stage: name of the stage that broke the row, empty if it stands. given_by: number of the stage of the outcome.
    margin: the largest over all stages, by which a row that stands is nearest to being broken. The other fields are those of
    :class:`~bench.tasks.classification.units.DecisionOutcome`; costs are summed over stages.
    """

    rows: list[int]
    status: list[str]
    norm_value: list[float]
    unstable: list[bool]
    adv_sha256: list[str]
    adv_pred: list[int]
    robust: list[float]
    selection: list[float]
    robust_8bit: list[float]
    forwards: list[int]
    backwards: list[int]
    zero_gradients: list[int]
    margin: list[float]
    stage: list[str]
    given_by: list[int]


def combined(stages: Sequence[Stage], outcomes: Sequence[DecisionOutcome]) -> Worst:
    """One entry per attacked row: the outcome of the stage with the lowest rate, the first of them if several are equal.

    ``selection`` chooses the stage and ``robust`` is reported. For a stochastic model they come from different draws,
    because the lowest of several noisy rates would be too low. A row that stands has the first status that is not
    ``ok``, because a failed stage is no evidence of robustness.
    """
    worst: dict[int, dict[str, Any]] = {}
    for number, (stage, outcome) in enumerate(zip(stages, outcomes, strict=True)):
        columns = {name: getattr(outcome, name) for name in (*WORST_COLUMNS, *COSTS, "margin", "status", "unstable")}
        for position, row in enumerate(outcome.rows):
            entry = {name: values[position] for name, values in columns.items()}
            entry |= {"stage": stage.name, "given_by": number}
            worst[row] = _worse(worst[row], entry) if row in worst else entry
    for entry in worst.values():
        if entry["selection"] == 1:
            entry["stage"] = ""
    rows = sorted(worst)
    names = [field.name for field in fields(Worst) if field.name != "rows"]
    return Worst(rows=rows, **{name: [worst[row][name] for row in rows] for name in names})


def _worse(earlier: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    merged = dict(entry if entry["selection"] < earlier["selection"] else earlier)
    for name in COSTS:
        merged[name] = earlier[name] + entry[name]
    merged["margin"] = max(earlier["margin"], entry["margin"])
    merged["unstable"] = earlier["unstable"] or entry["unstable"]
    if merged["selection"] > 0:
        merged["status"] = next((outcome["status"] for outcome in (earlier, entry) if outcome["status"] != "ok"), "ok")
    return merged


def chosen_images(stages: Sequence[Stage], outcomes: Sequence[DecisionOutcome]) -> dict[str, list[list[int]]]:
    """The saved input of each row is that of its verdict: one file, with the positions that it takes from each stage."""
    worst = combined(stages, outcomes)
    rows_and_stages = list(zip(worst.rows, worst.given_by, strict=True))
    return {"": [[row for row, number in rows_and_stages if number == stage] for stage in range(len(stages))]}
