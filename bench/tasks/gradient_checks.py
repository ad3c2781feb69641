"""Checks of a model's gradients that need no attack; a record and the doctor have them in common.

How many of its spike functions an attacker controls, what is out of his control, whether the gradient is the derivative of
the forward, and whether probabilities have swallowed it. What could not be looked at is said, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.tasks.checks import GRADIENT_FREE, not_looked_at
from bench.tasks.results import Check

if TYPE_CHECKING:
    from bench.models.slope import Slope
    from bench.models.subject import Subject


def path_checks(subject: Subject) -> Iterator[Check]:
    """How many of the model's spike functions were under the attacker's control, and which parts were not."""
    layers, sites = subject.path_takers, subject.sites
    if subject.spiking and not layers:
        says = "no spiking layer took the gradient path, so the attacker may be blind"
        yield Check(name="gradient path", status="fail", value=0, says=says)
    elif sites is not None and sites.functions:
        says = f"{sites.controlled} of {sites.found} spike functions in {layers} layers were under the attacker's control"
        yield Check(name="gradient path", status="pass", value=sites.controlled, says=says)
    elif layers:
        says = f"{layers} spiking layers took the gradient path"
        yield Check(name="gradient path", status="pass", value=layers, says=says)
    yield from _probabilities(subject)
    yield from _out_of_control(subject)


def _probabilities(subject: Subject) -> Iterator[Check]:
    """A failure, not a bound: where probabilities have rounded to 1, no number of queries shows what an attack is worth."""
    if subject.saturated:
        says = (
            "it returns saturated probabilities, which round to 0 and 1, so that hardly any gradient passes and no search "
            "sees how near a sample is to another class: return logits"
        )
        yield Check(name="probabilities", status="fail", value=subject.saturated, says=says)


def _out_of_control(subject: Subject) -> Iterator[Check]:
    """Reasons for which a number is at most an upper bound: parts of the model that the attacker did not control."""
    sites = subject.sites
    if subject.unrecognised is not None:
        says = f"its spike functions could not be looked for ({subject.unrecognised}), so some may be out of control"
        yield Check(name="spike functions", status="bound", value=0, says=says)
    if sites is None:
        return
    if sites.uncontrolled:
        first, *others = map(str, sites.uncontrolled)
        more = f", and {len(others)} more" if others else ""
        says = (
            f"{len(sites.uncontrolled)} of {sites.found} steps were not under the attacker's control ({first}{more}): "
            "write them as autograd Functions of the potential, or build the network from layers of this suite"
        )
        yield Check(name="out of control", status="bound", value=len(sites.uncontrolled), says=says)
    if not sites.differentiable:
        says = (
            f"no gradient reaches the input ({sites.obstacle}), so only searches without gradients can attack it: "
            f"{GRADIENT_FREE}"
        )
        yield Check(name="no gradient", status="bound", value=0, says=says)
    for remark in sites.remarks:
        yield Check(name="remark", status="warn", value=0, says=remark)


def slope_checks(slope: Slope | None) -> Iterator[Check]:
    """For a model without spike functions, check that its gradient is the derivative of its forward."""
    if slope is None:
        return
    if slope.error is None:
        yield not_looked_at("derivative", "whether its gradient is the derivative of its forward", slope.reason)
    elif slope.is_made_up:
        says = (
            "its gradient is not the derivative of its forward: a finite difference differs by "
            f"{slope.error:.0%} in the median, so it has steps or slopes that no attacker controls"
        )
        yield Check(name="derivative", status="bound", value=min(slope.error, 1e6), says=says)
    else:
        says = f"a finite difference differs from its gradient by {slope.error:.1%} in the median"
        yield Check(name="derivative", status="pass", value=slope.error, says=says)
