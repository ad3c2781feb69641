"""Checks of a finished evaluation of a model that scores. A score that cannot be moved may be saturated, not robust."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attacks.cascade import Cascade
from bench.tasks.checks import concluded, failures, graded, is_decisive
from bench.tasks.moving import Movement, failed_rows, stability
from bench.tasks.quality.convergence import convergence_checks
from bench.tasks.results import Check

if TYPE_CHECKING:
    import pandas as pd

    from bench.tasks.quality.results import Shift
    from bench.tasks.results import Reliability, Results
    from bench.tasks.task import Request


def verdict(request: Request, rows: pd.DataFrame, shifts: list[Shift], results: Results) -> Reliability:
    """The verdict on a record, from all checks."""
    low, high = request.subject.score_range
    checks = [
        *failures(request, results),
        *failed_rows(max(shift.failed for shift in shifts)),
        stability(max(shift.unstable for shift in shifts), len(request.samples), "scores"),
        *_saturated(shifts),
        *_movement(high - low).checks(shifts),
        *convergence_checks(request, results),
    ]
    short = any(isinstance(planned.attack, Cascade) for planned in request.attacks)
    why = f"{'a short attack set' if short else 'one search'}: a lower bound on how far scores can be moved"
    return concluded(checks, decisive=is_decisive(request), why=why)


def _saturated(shifts: list[Shift]) -> Iterator[Check]:
    flat = shifts[0].flat
    if flat is None:
        yield Check(name="gradient", status="fail", value=1, says="the input gradient is not finite on some clean images")
        return
    share = max([flat.value, *(shift.zero_gradients for shift in shifts if shift.backwards)])
    says = f"{share:.1%} of the gradients were zero everywhere" + (": the score is saturated" if share > 0.05 else "")
    yield Check(name="zero gradients", status=graded(share, warn=0.05, fail=0.5), value=share, says=says)


def _movement(width: float) -> Movement[Shift]:
    """Shifts, in units of the score range, which is ``width`` wide."""
    return Movement(
        what="scores",
        effect="shift",
        by_attack=lambda shift: shift.absolute.value / width,
        by_noise=lambda shift: shift.noise_best.value / width,
        noise="blind noise with as many queries",
        beyond_noise=0.005,
        beyond_radius=0.01,
    )
