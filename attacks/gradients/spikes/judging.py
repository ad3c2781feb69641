"""Which of the calls that were heard are steps, and what is wrong with those that nearly are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attacks.gradients.spikes.recording import Heard
from attacks.gradients.spikes.steps import Evaluate, NotAStep, Step, fits, step_of


@dataclass(frozen=True)
class Judged:
    """step: what a call does; None for none. output: which of several outputs is the spike. reason: why a call that takes
    few values is out of control.
    """

    step: Step | None = None
    output: int | None = None
    reason: str | None = None


def judged(calls: Sequence[Heard]) -> list[Judged]:
    """A judgement of each call. What a Function turned out to be is tried first on its next call."""
    known: dict[object, list[Judged]] = {}
    judgements = []
    for call in calls:
        if call.private:
            judgements.append(Judged())
            continue
        earlier = known.setdefault(call.code, [])
        judgement = next((known_step for known_step in earlier if _holds(known_step, call)), None)
        if judgement is None:
            judgement = _judge(call)
            earlier.append(judgement)
        judgements.append(judgement)
    return judgements


def _holds(judgement: Judged, call: Heard) -> bool:
    """Whether the step explains the call, which must not have stayed silent: then it would explain nothing."""
    output = call.outputs[judgement.output or 0]
    if judgement.step is None or not isinstance(output, Tensor) or len(call.inputs) <= judgement.step.source:
        return False
    return len(output.unique()) > 1 and fits(judgement.step, call.inputs, output)


def _judge(call: Heard) -> Judged:
    reason = None
    for index, output in enumerate(call.outputs):
        if not isinstance(output, Tensor):
            continue
        which = index if call.several else None
        try:
            step = step_of(_evaluating(call, which), call.inputs, output)
        except NotAStep as error:
            reason = str(error)
            continue
        except Exception as error:
            reason = f"cannot be tried on other numbers ({type(error).__name__})"
            continue
        if step is None:
            continue
        step = replace(step, passes_on=_passes_on(call, step, which))
        if call.several and _has_slopes_of_its_own(call, step, index):
            return Judged(reason="another output of it has a made-up slope as well")
        return Judged(step, which)
    return Judged(reason=reason)


def _evaluating(call: Heard, output: int | None) -> Evaluate:
    def evaluate(inputs: tuple[Any, ...]) -> Tensor:
        with torch.no_grad():
            answer = call.kind.apply(*inputs)
        result: Tensor = answer if output is None else answer[output]
        return result

    return evaluate


def _asked_again(call: Heard, *leaves: int) -> tuple[list[Tensor], tuple[Any, ...]]:
    """The call on copies of its inputs, in a graph of its own: those at ``leaves``, and all outputs."""
    inputs = [value.detach() if isinstance(value, Tensor) else value for value in call.inputs]
    for index in leaves:
        inputs[index] = inputs[index].clone().requires_grad_()
    with torch.enable_grad():
        answer = call.kind.apply(*inputs)
    return [inputs[index] for index in leaves], answer if call.several else (answer,)


def _passes_on(call: Heard, step: Step, output: int | None) -> bool:
    """Whether the Function's own backward has a gradient for the argument that is the threshold."""
    if step.operand is None:
        return False
    leaves, outputs = _asked_again(call, step.source, step.operand)
    (gradient,) = torch.autograd.grad(outputs[output or 0].sum(), leaves[1:], allow_unused=True)
    return gradient is not None


def _has_slopes_of_its_own(call: Heard, step: Step, spikes: int) -> bool:
    """Whether the backward of the other outputs is more than their derivative where nothing jumps."""
    (leaf,), outputs = _asked_again(call, step.source)
    small = 1e-2
    (_,), moved = _asked_again(replace(call, inputs=_plus(call.inputs, step.source, small)), step.source)
    far = (step.nearest(step.compared(call.inputs)) - step.cut).abs() > 4 * small
    for index, output in enumerate(outputs):
        if index == spikes or not isinstance(output, Tensor) or not output.requires_grad:
            continue
        if output.shape != leaf.shape:
            return True
        (slope,) = torch.autograd.grad(output.sum(), leaf, retain_graph=True, allow_unused=True)
        true = (moved[index] - output).detach() / small
        made = torch.zeros_like(true) if slope is None else slope
        if bool(((made - true).abs()[far] > 0.02 * (1 + true.abs()[far])).any()):
            return True
    return False


def _plus(inputs: tuple[Any, ...], index: int, amount: float) -> tuple[Any, ...]:
    return tuple(value.detach() + amount if i == index else value for i, value in enumerate(inputs))
