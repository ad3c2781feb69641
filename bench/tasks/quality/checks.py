"""Checks of a finished evaluation of a model that scores. A score that cannot be moved may be saturated, not robust."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from attacks.cascade import Cascade
from bench.tasks.checks import concluded, failures, graded, is_decisive
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
        *_failed(shifts),
        *_stable(request, shifts),
        *_saturated(shifts),
        *_noise(shifts, high - low),
        *_radii(shifts, high - low),
        *convergence_checks(request, results),
    ]
    short = any(isinstance(planned.attack, Cascade) for planned in request.attacks)
    why = f"{'a short attack set' if short else 'one search'}: a lower bound on how far scores can be moved"
    return concluded(checks, decisive=is_decisive(request), why=why)


def _failed(shifts: list[Shift]) -> Iterator[Check]:
    failed = max(shift.failed for shift in shifts)
    if failed:
        says = f"an attack failed on {failed} images, which are left out of all figures"
        yield Check(name="failed", status="fail", value=failed, says=says)


def _stable(request: Request, shifts: list[Shift]) -> Iterator[Check]:
    unstable = max(shift.unstable for shift in shifts)
    status = graded(unstable / len(request.samples), warn=0, fail=0.01)
    yield Check(name="stability", status=status, value=unstable, says=f"{unstable} scores changed between two scorings")


def _saturated(shifts: list[Shift]) -> Iterator[Check]:
    flat = shifts[0].flat
    if flat is None:
        yield Check(name="gradient", status="fail", value=1, says="the input gradient is not finite on some clean images")
        return
    share = max([flat.value, *(shift.zero_gradients for shift in shifts if shift.backwards)])
    says = f"{share:.1%} of the gradients were zero everywhere" + (": the score is saturated" if share > 0.05 else "")
    yield Check(name="zero gradients", status=graded(share, warn=0.05, fail=0.5), value=share, says=says)


def _strongest(shifts: list[Shift]) -> list[Shift]:
    """The last result of each radius: the only attack, or the largest shift over all attacks."""
    return list({shift.eps: shift for shift in shifts}.values())


def _noise(shifts: list[Shift], width: float) -> Iterator[Check]:
    attacked = [shift for shift in _strongest(shifts) if shift.backwards]
    if attacked:
        worst = max(shift.noise_best.value - shift.absolute.value for shift in attacked) / width
        says = (
            "blind noise moves scores farther than the attack"
            if worst > 0
            else "the attack moves scores at least as far as blind noise with as many queries"
        )
        yield Check(name="against noise", status=graded(worst, warn=0, fail=0.005), value=worst, says=says)


def _radii(shifts: list[Shift], width: float) -> Iterator[Check]:
    curve = sorted((shift for shift in _strongest(shifts) if shift.backwards), key=lambda shift: shift.eps)
    if len(curve) > 1:
        fall = max(earlier.absolute.value - later.absolute.value for earlier, later in pairwise(curve)) / width
        says = f"under {curve[0].attack}, the shift {'falls' if fall > 0 else 'grows'} with the radius"
        yield Check(name="radius", status=graded(fall, warn=0, fail=0.01), value=fall, says=says)
