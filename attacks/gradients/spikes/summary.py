"""The result of a recognition in words: functions by name, and what it could not look into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from attacks.gradients.spikes.inventory import Call, SpikeFunction, Uncontrolled
from attacks.gradients.spikes.judging import Judged
from attacks.gradients.spikes.recording import Heard
from attacks.gradients.spikes.steps import Step


def threshold_of(step: Step, heard: Heard) -> float | None:
    """The unit of a call's surrogate: None where the threshold is an argument; 1 where nothing tells it."""
    if step.operand is not None:
        return None
    if step.spacing is not None:
        return step.spacing
    if step.cut > 1e-6:
        return step.cut
    return 1.0 if heard.unit is None else heard.unit.size


def functions_in(heard: Sequence[Heard], calls: Sequence[Call]) -> tuple[SpikeFunction, ...]:
    """The controlled functions, in the order in which they are called first."""
    groups: dict[object, list[tuple[Heard, Call, Step]]] = {}
    for record, call in zip(heard, calls, strict=True):
        if call.step is not None:
            groups.setdefault(call.code, []).append((record, call, call.step))
    return tuple(_function(group) for group in groups.values())


def _function(group: list[tuple[Heard, Call, Step]]) -> SpikeFunction:
    heard, _, step = group[0]
    layers: dict[int, tuple[str, float]] = {}
    for record, call, its in group:
        size = float(record.inputs[its.operand].detach().double().mean()) if its.operand is not None else call.unit or 1.0
        layers.setdefault(call.layer, (record.layer, size))
    return SpikeFunction(
        name=name_of(heard),
        place=heard.place,
        calls=len(group),
        layers=tuple(layer for layer, _ in layers.values()),
        thresholds=tuple(size for _, size in layers.values()),
        guessed=any(_guessed(its, record) for record, _, its in group),
        levels=0 if step.count is None or step.endless else step.count + 1,
    )


def _guessed(step: Step, heard: Heard) -> bool:
    return step.operand is None and step.spacing is None and step.cut <= 1e-6 and heard.unit is None


def name_of(heard: Heard) -> str:
    """The class of a Function, with its module."""
    return f"{heard.kind.__module__}.{heard.kind.__qualname__}"


def out_of_control(heard: Sequence[Heard], judgements: Sequence[Judged]) -> Iterator[Uncontrolled]:
    """Functions that take few values and are no steps of a single input."""
    for record, judgement in zip(heard, judgements, strict=True):
        if judgement.reason is not None:
            yield Uncontrolled(f"the function {name_of(record)}", record.place, judgement.reason)


def out_of_sight(model: nn.Module) -> Iterator[Uncontrolled]:
    """Modules that are compiled: their calls cannot be listened to."""
    for name, module in model.named_modules():
        if type(module).__name__ == "OptimizedModule":
            yield Uncontrolled(
                "a compiled module", name or "the network itself", "hand over the module before torch.compile"
            )


def remarks_on(model: nn.Module, functions: Sequence[SpikeFunction], *, repeatable: bool, steady: bool) -> Iterator[str]:
    """What was assumed or seen on the way."""
    if not repeatable:
        yield "two calls with the same inputs differ: the network draws at random, or remembers its last call"
    if not steady:
        yield "the number of calls of spike functions depends on the inputs, so layers cannot be followed through time"
    for function in functions:
        if function.guessed:
            yield f"the threshold behind {function.name} ({function.place}) is not known and counts as 1"
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        yield "a module is a script: a step in it is seen, but cannot be controlled"
