"""Has the attack come to an end? What a search three times as long may still break, and the margins that are left.

Searches break less the longer they last: about as many samples in each of several spans of equal ratio. So as many as fell
between a third of the budget and its end may fall until three times the budget, which is the range that a record states
beside its number. It is an estimate and no bound. A sample falls when its own forwards and backwards end.

What it rests on: 26 networks, 1,000 images each, linf 2/255. In 30 comparisons (``reports.second_runs``) a second search
of the same or nearly the same length, which went other ways, broke 0 to 26 of the images that the first had left, 222 in
all, where 431 were expected, and more than expected on one network (26 for 23). What fell in the last third alone is too
little: 4 images on ``snn_feel_at``, where the second search broke 15.
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

TIMES = 3
"""How many times as long the search is that the range speaks of."""
LAST = 1 / 3
"""The part of the budget whose stages show how far a margin still moves."""
WORTH_A_REMARK = 0.01
"""Share of all samples that the longer search may break, above which a record says so."""
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


def fallen_after(rows: pd.DataFrame, share: float) -> int:
    """Number of samples that fell after a share of what a sample that survives everything costs on average.

    rows: of one attack at one radius. A search that goes on after a sample has fallen counts as if it fell at the end.
    """
    costs = rows["forwards"] + rows["backwards"]
    whole = costs[rows["verdict"] == "robust"].mean()
    return int((costs[rows["verdict"] == "broken"] > share * whole).sum())


def broken_late(stages: Sequence[StageResult]) -> float:
    """Number of samples that fell in the last third; in a stage that lies in it partly, the same part of them.

    For records that do not tell :func:`fallen_after`.
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
    says = f"at {cell.eps_text} {further:.1%} of all samples fell after the first third of {cell.attack}"
    if further > 0:
        says += f", so that a search three times as long may leave {100 * max(now - further, 0):.1f} to {now:.1%}"
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
