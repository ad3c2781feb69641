"""Has the attack come to an end? What the last third of its budget still broke, and the margins that are left.

Searches break less the longer they last, so as many samples as fell in the last third of the forwards and backwards may fall
in another third: that is the range which a record states beside its number. It is an estimate and no bound. A sample falls
when its own forwards and backwards end. Searches of corners break most at their beginning, so that spreading a stage's
breaks evenly over the stage would double the estimate (3.2% of 1,000 images instead of 1.4% on ``snn_at``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.tasks.checks import graded
from bench.tasks.results import Check

if TYPE_CHECKING:
    import pandas as pd

    from bench.tasks.classification.results import Cell, StageResult
    from bench.tasks.classification.units import DecisionOutcome
    from bench.tasks.results import Results
    from bench.tasks.task import Request

LAST = 1 / 3
"""Of the budget."""
WORTH_A_REMARK = 0.01
"""Share of all samples that another third may break, above which a record says so."""
SMALLEST = 5
"""Margins that are named."""


def late_shares(stages: Sequence[StageResult]) -> list[float]:
    """Per stage, which part of it lies in the last third of what a sample that survives everything costs."""
    costs = [stage.forwards + stage.backwards for stage in stages]
    left = LAST * sum(costs)
    shares: list[float] = []
    for cost in reversed(costs):
        shares.append(min(1.0, left / cost) if cost else 0.0)
        left = max(0.0, left - cost)
    return shares[::-1]


def fallen_late(rows: pd.DataFrame) -> int:
    """Number of samples that fell after two thirds of what a sample that survives everything costs on average.

    rows: of one attack at one radius. A search that goes on after a sample has fallen counts as if it fell at the end.
    """
    costs = rows["forwards"] + rows["backwards"]
    whole = costs[rows["verdict"] == "robust"].mean()
    return int((costs[rows["verdict"] == "broken"] > (1 - LAST) * whole).sum())


def broken_late(stages: Sequence[StageResult]) -> float:
    """Number of samples that fell in the last third; in a stage that lies in it partly, the same part of them.

    For records that do not tell :func:`fallen_late`.
    """
    return sum(share * stage.broken for share, stage in zip(late_shares(stages), stages, strict=True))


def convergence_checks(request: Request, rows: pd.DataFrame, cells: Sequence[Cell], results: Results) -> Iterator[Check]:
    """One check per attack of several stages and radius."""
    for number, resolved in enumerate(request.attacks):
        for cell in cells:
            if cell.attack == resolved.spec and len(cell.stages) > 1:
                outcomes = [results.stage(number, cell.eps, stage) for stage in range(len(cell.stages))]
                own = rows[(rows["attack"] == resolved.spec) & (rows["eps"] == cell.eps)]
                yield _check(cell, own, outcomes)


def _check(cell: Cell, rows: pd.DataFrame, outcomes: Sequence[Sequence[DecisionOutcome]]) -> Check:
    standing = rows[rows["verdict"] == "robust"]
    margins = sorted(-float(margin) for margin in standing["margin"])
    further, now = cell.further, cell.robust.value
    says = f"at {cell.eps_text} the last third of {cell.attack} broke {further:.1%} of all samples"
    if further > 0:
        says += f", so that a longer one may leave {100 * max(now - further, 0):.1f} to {now:.1%}"
    if margins:
        reach = _progress(late_shares(cell.stages), outcomes)
        smallest = ", ".join(f"{margin:.2g}" for margin in margins[:SMALLEST])
        says += f"; the smallest margins left are {smallest}, and the last third lowered "
        near = sum(margin <= reach for margin in margins)
        says += f"one by at most {reach:.2g}: {near} of {len(margins)} are no larger" if reach > 0 else "none of them"
    return Check(name="convergence", status=graded(further, warn=WORTH_A_REMARK, fail=1.0), value=further, says=says)


def _progress(late: Sequence[float], outcomes: Sequence[Sequence[DecisionOutcome]]) -> float:
    """The most by which stages that lie mostly in the last third brought a sample nearer that they did not break."""
    before: dict[tuple[int, int], float] = {}
    gained = 0.0
    for share, shards in zip(late, outcomes, strict=True):
        for key, margin in _margins(shards).items():
            if share > 0.5 and margin < 0 and key in before:
                gained = max(gained, margin - before[key])
            before[key] = max(margin, before.get(key, margin))
    return gained


def _margins(shards: Sequence[DecisionOutcome]) -> Mapping[tuple[int, int], float]:
    """Margins by shard and position."""
    return {
        (shard, row): margin
        for shard, outcome in enumerate(shards)
        for row, margin in zip(outcome.rows, outcome.margin, strict=True)
    }
