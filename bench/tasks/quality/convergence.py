"""Has an attack set come to an end? How much farther its last search of each direction moved the clipped scores.

Searches gain less the longer they last. Where the last one still gained much, a longer set would move scores farther: an
estimate and no bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from bench.metrics.quality import ScoreRange, clipped_sizes
from bench.tasks.checks import graded
from bench.tasks.quality.stages import combined
from bench.tasks.results import Check

if TYPE_CHECKING:
    from bench.tasks.quality.units import CleanScores
    from bench.tasks.results import Results
    from bench.tasks.task import Request

WORTH_A_REMARK = 0.02
"""Rise of the mean clipped shift by the last searches, as a share of it, above which a record says so."""


def convergence_checks(request: Request, results: Results) -> Iterator[Check]:
    """One check per attack that has several stages in a direction, and radius."""
    for number, (resolved, stages) in enumerate(zip(request.attacks, request.stages, strict=True)):
        last = {stage.objective: position for position, stage in enumerate(stages)}
        earlier = [position for position in range(len(stages)) if position not in last.values()]
        if not earlier:
            continue
        for eps in request.eps:
            before = _clipped_shift(request, results, number, eps.value, earlier)
            after = _clipped_shift(request, results, number, eps.value, range(len(stages)))
            rise = after / before - 1 if before else float(after > 0)
            says = f"at {eps.text} the last search of {resolved.spec} raised the shift of clipped scores by {rise:.1%}"
            status = graded(rise, warn=WORTH_A_REMARK, fail=math.inf)
            yield Check(name="convergence", status=status, value=rise, says=says)


def _clipped_shift(request: Request, results: Results, number: int, eps: float, positions: Sequence[int]) -> float:
    """Mean clipped shift, in score ranges, by the stages at some positions, on rows on which no stage failed."""
    stages, scale = request.stages[number], ScoreRange(*request.subject.score_range)
    sizes = []
    for shard in range(results.shards):
        outcomes = results.stages(number, eps, shard, len(stages))
        moved = combined([stages[position] for position in positions], [outcomes[position] for position in positions])
        clean = np.array(cast("CleanScores", results.clean(shard)).clean, dtype=float)
        up, down = (clean + np.array(shifts, dtype=float) for shifts in (moved.shift_up, moved.shift_down))
        succeeded = np.array([status == "ok" for status in combined(stages, outcomes).status])
        usable = succeeded & ~(np.isnan(up) & np.isnan(down))
        if usable.any():
            sizes.append(clipped_sizes(clean[usable], up[usable], down[usable], scale))
    return float(np.concatenate(sizes).mean()) if sizes else 0.0
