"""From rows to results of a model that decides: accuracies, gaps and costs of one attack at one radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import Field

from bench.metrics import classification as metrics
from bench.tasks.classification.convergence import LAST, TIMES, broken_late, fallen_after
from bench.tasks.classification.units import DecisionOutcome
from bench.tasks.per_attack import per_attack
from bench.tasks.results import AttackResult, Interval, Point, Strict, mean_costs

if TYPE_CHECKING:
    from attacks.base import Stage
    from bench.tasks.results import Results
    from bench.tasks.task import Request


class StageResult(Strict):
    """The result of one stage of an attack at one radius."""

    name: str
    """Stage."""
    attempted: int
    """Number of samples it ran on: those that stood after all stages before."""
    broken: int
    """Number of these that it broke."""
    forwards: float
    """Mean forward passes per sample attempted."""
    backwards: float
    """Mean backward passes per sample attempted."""
    zero_gradients: float
    """Share of its gradient queries answered by zeros everywhere."""
    seconds: float
    """Wall time."""


class Cell(AttackResult):
    """One attack at one radius."""

    clean: Interval
    """Accuracy without perturbation."""
    noise: Interval
    """Accuracy under one draw of uniform noise of the same radius."""
    noise_best: Interval
    """Accuracy under the worst of ``noise_draws`` draws per sample."""
    robust: Interval
    """Accuracy under the attack, over all samples."""
    robust_8bit: Interval
    """The same after rounding the adversarial images to 8 bits."""
    gap: Interval
    """``noise - robust``, paired."""
    gap_best: Interval
    """``noise_best - robust``, paired."""
    undecided: int
    """Number of samples that stand although a stage failed on them; they are not evidence of robustness."""
    stages: list[StageResult] = Field(default_factory=list)
    """Stage by stage."""
    late: int | None = None
    """Number of samples that fell in the last third of what a surviving one costs; None in records older than this field."""
    slow: int | None = None
    """Number of samples that fell after the first third of it; None in records older than this field."""

    @property
    def further(self) -> float:
        """Share of all samples that a longer attack may still break: :data:`slow`, in an older record :data:`late`."""
        counts = [count for count in (self.slow, self.late) if count is not None]
        fallen = counts[0] if counts else broken_late(self.stages)
        return min(self.robust.value, fallen / max(self.robust.n, 1))

    @property
    def point(self) -> Point:
        """Accuracy."""
        return Point("accuracy (%)", 100.0, "z.1f", self.clean, self.noise, self.robust)


def cell(rows: pd.DataFrame, attack: str, seconds: float, stages: list[StageResult]) -> Cell:
    """The result of one attack (or of the worst case) at one radius, from its rows alone."""
    attacked = rows[rows["verdict"] != "clean_wrong"]
    queries = int(attacked["backwards"].sum())
    return Cell(
        attack=attack,
        eps=float(rows["eps"].iloc[0]),
        eps_text=str(rows["eps_text"].iloc[0]),
        clean=Interval.of(metrics.clean_accuracy(rows)),
        noise=Interval.of(metrics.noise_accuracy(rows, which="noise_1")),
        noise_best=Interval.of(metrics.noise_accuracy(rows, which="noise_k")),
        noise_draws=int(rows["noise_draws"].max()),
        robust=Interval.of(metrics.robust_accuracy(rows)),
        robust_8bit=Interval.of(metrics.eight_bit_accuracy(rows)),
        gap=Interval.of(metrics.gap(rows, which="noise_1")),
        gap_best=Interval.of(metrics.gap(rows, which="noise_k")),
        undecided=metrics.undecided(rows),
        unstable=int(rows["unstable"].sum()),
        forwards=float(attacked["forwards"].mean()) if len(attacked) else 0.0,
        backwards=float(attacked["backwards"].mean()) if len(attacked) else 0.0,
        zero_gradients=float(attacked["zero_gradients"].sum()) / queries if queries else 0.0,
        seconds=seconds,
        stages=stages,
        late=fallen_after(rows, 1 - LAST) if stages else None,
        slow=fallen_after(rows, 1 / TIMES) if stages else None,
    )


def cells(request: Request, rows: pd.DataFrame, results: Results) -> list[AttackResult]:
    """One cell per radius and attack, and per radius the worst case if there are several attacks."""
    return per_attack(request, rows, results, of_stage=_stage_result, of_rows=cell, worst_case=metrics.worst_case)


def _stage_result(stage: Stage, outcomes: Sequence[DecisionOutcome]) -> StageResult:
    """The result of one stage over all shards."""
    return StageResult(
        name=stage.name,
        attempted=sum(len(outcome.rows) for outcome in outcomes),
        broken=sum(rate == 0 for outcome in outcomes for rate in outcome.selection),
        **mean_costs(outcomes),
    )
