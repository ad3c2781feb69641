"""Checks of a finished evaluation of a model that reconstructs: is what attacks did near to what could be done?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attacks.cascade import Cascade
from bench.tasks.checks import concluded, failures, graded, is_decisive
from bench.tasks.gradient_checks import path_checks, slope_checks
from bench.tasks.moving import Movement, failed_rows, stability
from bench.tasks.reconstruction.fidelity import decibels
from bench.tasks.reconstruction.results import Drop
from bench.tasks.reconstruction.stages import combined
from bench.tasks.results import Check

if TYPE_CHECKING:
    import pandas as pd

    from attacks.base import Stage
    from bench.tasks.results import Reliability, Results
    from bench.tasks.task import Request

WORTH_A_REMARK = 0.1
"""Decibels by which the last search lowers the mean PSNR, or one without gradients beats those with them, above which a
record says so."""
ROUNDING = 1e-4
"""Share of a gradient below which it is taken for rounding. Cameras with uneven thresholds keep 0.03 and more."""
HIDDEN = 1.0
"""Decibels from which on a search without gradients shows that gradients are hidden: the figure is then a bound."""


def verdict(request: Request, rows: pd.DataFrame, drops: list[Drop], results: Results) -> Reliability:
    """The verdict on a record, from all checks."""
    checks = [
        *path_checks(request.subject),
        *slope_checks(request.subject.slope),
        *failures(request, results),
        *failed_rows(max(drop.failed for drop in drops)),
        stability(max(drop.unstable for drop in drops), len(request.samples), "reconstructions"),
        *_gradients(rows, drops),
        *_movement(stochastic=request.subject.stochastic).checks(drops),
        *_blind_search(request, results),
        *_convergence(request, results),
    ]
    short = any(isinstance(planned.attack, Cascade) for planned in request.attacks)
    why = f"{'a short attack set' if short else 'one search'}: a lower bound on how far the PSNR can drop"
    return concluded(checks, decisive=is_decisive(request), why=why)


def _gradients(rows: pd.DataFrame, drops: Sequence[Drop]) -> Iterator[Check]:
    """How many gradients were zero, and whether what is left of them is more than rounding."""
    share = max((drop.zero_gradients for drop in drops if drop.backwards), default=None)
    if share is not None:
        says = f"{share:.1%} of the gradients were zero everywhere"
        yield Check(name="zero gradients", status=graded(share, warn=0.05, fail=0.5), value=share, says=says)
    left = float(rows["gradient_share"].median())
    if left < ROUNDING:  # not of NaN, where there is no gradient
        says = (
            f"the gradients of picture and scene cancel up to {left:.0e}, as in a camera without bias: they say nothing, so "
            "that only searches without them do: --attack square, which --attack standard runs too"
        )
        yield Check(name="cancelled gradients", status="bound", value=left, says=says)


def _movement(*, stochastic: bool) -> Movement[Drop]:
    """Drops in dB, compared with the worst of K draws of noise; of a stochastic model with one draw, because the lowest of K
    noisy figures is too low.
    """
    return Movement(
        what="reconstructions",
        effect="drop in PSNR",
        by_attack=lambda drop: drop.drop.value,
        by_noise=lambda drop: (drop.drop_noise if stochastic else drop.drop_noise_worst).value,
        noise="blind noise" if stochastic else "blind noise with as many queries",
        beyond_noise=0.1,
        beyond_radius=0.2,
    )


def _blind_search(request: Request, results: Results) -> Iterator[Check]:
    """Per attack with stages of both kinds, and radius: how much lower the searches without gradients brought the PSNR."""
    for number, (resolved, stages) in enumerate(zip(request.attacks, request.stages, strict=True)):
        blind = [position for position, stage in enumerate(stages) if stage.attack.access in ("score", "decision")]
        # What starts from the best point so far would take over what a blind search before it has reached.
        sighted = list(range(min(blind, default=0)))
        if not blind or not sighted:
            continue
        for eps in request.eps:
            with_gradients, without = (_mean_psnr(results, number, eps.value, stages, part) for part in (sighted, blind))
            if with_gradients is None or without is None:
                continue
            beyond = with_gradients - without
            says = (
                f"at {eps.text}, searches of {resolved.spec} without gradients brought the PSNR "
                f"{abs(beyond):.2f} dB {'lower' if beyond > 0 else 'less low'} than those with gradients before them"
            )
            status = "bound" if beyond > HIDDEN else "warn" if beyond > WORTH_A_REMARK else "pass"
            yield Check.model_validate({"name": "gradient-free", "status": status, "value": beyond, "says": says})


def _convergence(request: Request, results: Results) -> Iterator[Check]:
    """Per attack of several stages, and radius: by how much the last one still lowered the PSNR."""
    for number, (resolved, stages) in enumerate(zip(request.attacks, request.stages, strict=True)):
        if len(stages) < 2:
            continue
        every = range(len(stages))
        for eps in request.eps:
            before, after = (_mean_psnr(results, number, eps.value, stages, part) for part in (every[:-1], every))
            if before is not None and after is not None:
                says = f"at {eps.text} the last search of {resolved.spec} lowered the PSNR by {before - after:.2f} dB"
                status = "warn" if before - after > WORTH_A_REMARK else "pass"
                yield Check.model_validate({"name": "convergence", "status": status, "value": before - after, "says": says})


def _mean_psnr(results: Results, number: int, eps: float, stages: Sequence[Stage], positions: Sequence[int]) -> float | None:
    """Mean PSNR of the largest errors by the stages at some positions, as they were selected; None if all failed."""
    errors = []
    for shard in range(results.shards):
        outcomes = results.stages(number, eps, shard, len(stages))
        worst = combined([stages[position] for position in positions], [outcomes[position] for position in positions])
        errors += [error for error in worst.error if error is not None]
    return float(decibels(np.array(errors)).mean()) if errors else None
