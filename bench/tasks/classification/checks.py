"""Checks that need nothing but a finished evaluation. Every record carries them.

The signs of a hidden gradient are those of Athalye et al. (ICML 2018) and Carlini et al. (2019): blind noise or a
gradient-free search finds what gradients miss, gradients vanish, a larger radius helps the defender.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from attacks.cascade import Cascade
from bench.metrics import classification as metrics
from bench.tasks.checks import concluded, failures, graded, is_decisive
from bench.tasks.classification.convergence import convergence_checks
from bench.tasks.classification.uphill import uphill_checks
from bench.tasks.gradient_checks import path_checks, slope_checks
from bench.tasks.results import Check

if TYPE_CHECKING:
    import pandas as pd

    from attacks.base import Attack
    from bench.tasks.classification.results import Cell
    from bench.tasks.results import Reliability, Results
    from bench.tasks.task import Request


def verdict(request: Request, rows: pd.DataFrame, cells: list[Cell], results: Results) -> Reliability:
    """The verdict on a record, from all checks."""
    checks = [
        *path_checks(request.subject),
        *slope_checks(request.subject.slope),
        *uphill_checks(request, rows),
        *failures(request, results),
        *_attacked_rows(rows),
        *_decisions(rows),
        *_gradients(cells),
        *_noise(cells, stochastic=request.subject.stochastic),
        *_radii(cells),
        *_blind_search(request, cells),
        *convergence_checks(request, rows, cells, results),
    ]
    return concluded(checks, decisive=is_decisive(request), why=_why(request))


def _why(request: Request) -> str:
    if any(isinstance(planned.attack, Cascade) for planned in request.attacks):
        return "a short attack set: an upper bound on robustness"
    if not any(planned.attack.access == "white-box" for planned in request.attacks):
        return "no gradients of this model were used: an upper bound on robustness"
    return "one gradient path: an upper bound on robustness"


LEAST_ATTACKED = 10
"""Number of samples that must have been attacked for a reliable verdict; fewer may all stand or fall by chance."""


def _attacked_rows(rows: pd.DataFrame) -> Iterator[Check]:
    attacked = int(rows.loc[rows["verdict"] != "clean_wrong", "sample"].nunique())
    if attacked < LEAST_ATTACKED:
        says = f"only {attacked} samples are right without an attack and were attacked; a verdict needs {LEAST_ATTACKED}"
        yield Check(name="attacked samples", status="bound", value=attacked, says=says)


def _decisions(rows: pd.DataFrame) -> Iterator[Check]:
    undecided = metrics.undecided(rows)
    if undecided:
        says = f"{undecided} rows stand although a stage failed on them"
        yield Check(name="undecided", status="fail", value=undecided, says=says)
    unstable = int(rows["unstable"].sum())
    status = graded(unstable / max(len(rows), 1), warn=0, fail=0.01)
    yield Check(name="stability", status=status, value=unstable, says=f"{unstable} decisions changed between two scorings")


def _gradients(cells: list[Cell]) -> Iterator[Check]:
    """Where an attack has several stages, the stage with the fewest zero gradients decides, as other stages make up for it.

    If more than a quarter of all gradients were zero, much of the effort was blind, which is worth a warning.
    """
    with_gradients = [cell for cell in cells if cell.backwards]
    if with_gradients:
        best = max(map(_least_zero_share, with_gradients))
        overall = max(cell.zero_gradients for cell in with_gradients)
        status = graded(best, warn=0.05, fail=0.5)
        if status == "pass" and overall > 0.25:
            status = "warn"
        says = f"{overall:.1%} of the gradients were zero everywhere"
        if best != overall:
            says += f", {best:.1%} in the stage that saw most"
        yield Check(name="zero gradients", status=status, value=best, says=says)


def _least_zero_share(cell: Cell) -> float:
    """The lowest share of zero gradients among the stages of a cell."""
    shares = [stage.zero_gradients for stage in cell.stages if stage.backwards]
    return min(shares, default=cell.zero_gradients)


def _strongest(cells: list[Cell]) -> list[Cell]:
    """The last cell of each radius: the only attack, or the worst case over all, which a weak attack does not change."""
    return list({cell.eps: cell for cell in cells}.values())


def _noise(cells: list[Cell], *, stochastic: bool) -> Iterator[Check]:
    """Compare with the worst of K draws, or with one draw for a stochastic model, whose lowest of K noisy rates is too
    low.
    """
    attacked = [cell for cell in _strongest(cells) if cell.backwards and cell.eps > 0]
    if attacked:
        worst = max(cell.robust.value - (cell.noise if stochastic else cell.noise_best).value for cell in attacked)
        says = (
            "blind noise breaks more than the attack"
            if worst > 0
            else "the attack breaks at least as much as blind noise"
            if stochastic
            else "the attack breaks at least as much as blind noise with as many queries"
        )
        # At radii so small that neither breaks anything, the two may differ by a percent by chance.
        yield Check(name="against noise", status=graded(worst, warn=0, fail=0.01), value=worst, says=says)


def _radii(cells: list[Cell]) -> Iterator[Check]:
    curve = sorted((cell for cell in _strongest(cells) if cell.backwards), key=lambda cell: cell.eps)
    if len(curve) > 1:
        rise = max(later.robust.value - earlier.robust.value for earlier, later in pairwise(curve))
        says = f"under {curve[0].attack}, accuracy {'rises' if rise > 0 else 'falls'} with the radius"
        yield Check(name="radius", status=graded(rise, warn=0, fail=0.02), value=rise, says=says)


def _blind_search(request: Request, cells: list[Cell]) -> Iterator[Check]:
    """Only cascades run a search without gradients after searches with them; a model without gradients has no such check.

    The share is that of the samples which the first blind stage was given: of all samples, it would be small wherever the
    gradients had left few, however blind they were. One sample alone is a remark, not a failure.
    """
    for planned, run in zip(request.attacks, request.stages, strict=True):
        stages = {stage.name: stage.attack for stage in run}
        for cell in cells:
            blind = [stage for stage in cell.stages if stage.name in stages and _is_blind(stages[stage.name])]
            if cell.attack == planned.spec and len(cell.stages) > len(blind) > 0 and blind[0].attempted:
                given, broken = blind[0].attempted, sum(stage.broken for stage in blind)
                says = (
                    f"at {cell.eps_text}, gradient-free searches broke {broken} of the {given} samples "
                    f"that stages before them had left ({broken / given:.1%})"
                )
                status = graded(broken / given, warn=0.02, fail=0.1 if broken > 1 else 1.0)
                yield Check(name="gradient-free", status=status, value=broken / given, says=says)


def _is_blind(attack: Attack) -> bool:
    return attack.access in ("score", "decision")
