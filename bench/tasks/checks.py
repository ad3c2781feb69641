"""Functions that every task's checks of a finished evaluation share: grades, failures, and the verdict from all checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from attacks.cascade import Cascade
from bench.tasks.results import Check, Reliability

if TYPE_CHECKING:
    from bench.tasks.results import Results
    from bench.tasks.task import Request

Status = Literal["pass", "warn", "fail"]


def graded(value: float, *, warn: float, fail: float) -> Status:
    """``fail`` above ``fail``, ``warn`` above ``warn``, ``pass`` otherwise."""
    return "fail" if value > fail else "warn" if value > warn else "pass"


GRADIENT_FREE = "--attack square or --attack hopskipjump (--attack standard runs both)"
"""What to use where no gradient reaches the input."""

NOT_LOOKED_AT = "could not be looked at"
"""Stands in every sentence of :func:`not_looked_at`, by which such a check is known from a warning."""


def not_looked_at(name: str, what: str, reason: str) -> Check:
    """The remark that something could not be examined, and why. what: the subject of the sentence."""
    return Check(name=name, status="warn", value=0, says=f"{what} {NOT_LOOKED_AT}: {reason}")


def is_decisive(request: Request) -> bool:
    """Whether an attack of the request is a full set, whose numbers may be published."""
    return any(isinstance(resolved.attack, Cascade) and resolved.attack.decisive for resolved in request.attacks)


def concluded(checks: list[Check], *, decisive: bool, why: str) -> Reliability:
    """The verdict from checks. decisive: whether the attack is a full set; why:

    the reason for an upper bound if it is not.
    """
    failed = [check.says for check in checks if check.status == "fail"]
    if failed:
        return Reliability(status="unreliable", reasons=failed, checks=checks)
    bounds, remarks = ([check.says for check in checks if check.status == status] for status in ("bound", "warn"))
    if bounds or not decisive:
        reasons = [*([] if decisive else [why]), *bounds, *remarks]
        return Reliability(status="upper_bound", reasons=reasons, checks=checks)
    if remarks:
        return Reliability(status="reliable_with_remarks", reasons=remarks, checks=checks)
    return Reliability(status="reliable", reasons=["no check failed under the full attack set"], checks=checks)


def extended(verdict: Reliability, checks: list[Check]) -> Reliability:
    """The verdict after more checks, which can fail or remark."""
    every = [*verdict.checks, *checks]
    if failed := [check.says for check in every if check.status == "fail"]:
        return Reliability(status="unreliable", reasons=failed, checks=every)
    remarks = [check.says for check in checks if check.status == "warn"]
    if verdict.status == "reliable" and remarks:
        return Reliability(status="reliable_with_remarks", reasons=remarks, checks=every)
    return Reliability(status=verdict.status, reasons=[*verdict.reasons, *remarks], checks=every)


def failures(request: Request, results: Results) -> Iterator[Check]:
    """One check per reason for which an attack failed; its value is the number of attacks or stages that failed so."""
    stages_by_reason: dict[str, set[str]] = {}
    for number, stages in enumerate(request.stages):
        for eps in request.eps:
            for position, stage in enumerate(stages):
                for outcome in results.stage(number, eps.value, position):
                    if outcome.failure:
                        stages_by_reason.setdefault(outcome.failure, set()).add(stage.name)
    for reason in sorted(stages_by_reason):
        first, *others = sorted(stages_by_reason[reason])
        more = f" and {len(others)} more" if others else ""
        says = f"an attack failed: {first}{more}: {reason}"
        yield Check(name="failure", status="fail", value=1 + len(others), says=says)
