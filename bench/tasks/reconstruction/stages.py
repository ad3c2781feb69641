"""Attacks on reconstructions: which stages run, and how their outcomes are combined.

The stages are those of attacks on scores, in one direction: every one of them raises the squared error. A picture gets worse
and is never broken, so every stage runs on all samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from attacks.base import Stage
from attacks.fitting import Traits
from attacks.score_objectives import Increase
from bench.foundation.errors import SpecError
from bench.tasks.moving import stages_that_move
from bench.tasks.reconstruction.units import PictureOutcome
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.resolved_attack import ResolvedAttack

OWN = "increase"
"""The one objective that an attack may name."""
TAKEN = ("error", "psnr", "ssim", "psnr_8bit", "norm_value", "adv_sha256")
"""Columns that come from the stage with the largest error."""


def stages_of(resolved: ResolvedAttack, norm: str, traits: Traits) -> tuple[Stage, ...]:
    """The stages of an attack on a model that reconstructs.

    Raises ``SpecError`` for an attack on classes only, and for one with another objective than to raise the error.
    """
    return tuple(_raising(stage) for stage in stages_that_move(resolved, norm, traits))


def _raising(stage: Stage) -> Stage:
    reason = stage.attack.misfit_of_model(Traits(scores=True))
    if reason is not None:
        raise SpecError(f"{reason}, and neither has a reconstruction.", "Use pgd, apgd, square, quick or standard.")
    objective = getattr(stage.attack, "objective", None)
    if objective not in (None, OWN):
        raise SpecError(
            f"The objective {objective} is not for reconstructions, whose error is raised.", f"Use {OWN}, or leave it out."
        )
    return replace(stage, objective=Increase())


@dataclass(frozen=True, kw_only=True)
class Worst:
    """Per row the outcome of the stage with the largest error, and the costs of all stages; lists of one length.

    given_by: number of that stage, stage: its name; None and empty where every stage failed. A row has the first status that
    is not ``ok``, because a stage that failed may hide a larger error.
    """

    rows: list[int]
    status: list[str]
    unstable: list[bool]
    forwards: list[int]
    backwards: list[int]
    zero_gradients: list[int]
    error: list[float | None]
    psnr: list[float | None]
    ssim: list[float | None]
    psnr_8bit: list[float | None]
    norm_value: list[float]
    adv_sha256: list[str]
    stage: list[str]
    given_by: list[int | None]


NOTHING: dict[str, Any] = {"error": None, "psnr": None, "ssim": None, "psnr_8bit": None, "norm_value": 0.0, "adv_sha256": ""}
"""What a row has if every stage failed on it."""


def combined(stages: Sequence[Stage], outcomes: Sequence[PictureOutcome]) -> Worst:
    """The combined outcome of all stages of an attack."""
    entries = [_entry(stages, outcomes, row) for row in range(len(outcomes[0].rows))]
    names = [field.name for field in fields(Worst) if field.name != "rows"]
    return Worst(rows=list(outcomes[0].rows), **{name: [entry[name] for entry in entries] for name in names})


def _entry(stages: Sequence[Stage], outcomes: Sequence[PictureOutcome], row: int) -> dict[str, Any]:
    entry: dict[str, Any] = {name: sum(getattr(outcome, name)[row] for outcome in outcomes) for name in COSTS}
    entry["status"] = next((outcome.status[row] for outcome in outcomes if outcome.status[row] != "ok"), "ok")
    entry["unstable"] = any(outcome.unstable[row] for outcome in outcomes)
    succeeded = [number for number, outcome in enumerate(outcomes) if outcome.status[row] == "ok"]
    if not succeeded:
        return entry | NOTHING | {"stage": "", "given_by": None}
    largest = max(succeeded, key=lambda number: outcomes[number].error[row])
    values = {name: getattr(outcomes[largest], name)[row] for name in TAKEN}
    return entry | values | {"stage": stages[largest].name, "given_by": largest}


def chosen_images(stages: Sequence[Stage], outcomes: Sequence[PictureOutcome]) -> dict[str, list[list[int]]]:
    """The saved scenes are those of the largest error: one file, with the positions that it takes from each stage."""
    worst = combined(stages, outcomes)
    rows_and_stages = list(zip(worst.rows, worst.given_by, strict=True))
    return {"": [[row for row, number in rows_and_stages if number == stage] for stage in range(len(stages))]}
