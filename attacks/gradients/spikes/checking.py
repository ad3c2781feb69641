"""Tests of the spike functions that were recognised: bits under control, the way of gradients, steps that cannot be
controlled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Trace
from attacks.gradients.spikes.calling import functions_of_strangers, listening
from attacks.gradients.spikes.control import adjusted
from attacks.gradients.spikes.cuts import Cuts
from attacks.gradients.spikes.firing import Stepwise
from attacks.gradients.spikes.inventory import Call, Uncontrolled
from attacks.gradients.spikes.looking import Look, output_of, same, silent_modules
from attacks.gradients.spikes.plain_steps import Watch, pattern_of, steps_seen
from attacks.gradients.spikes.recording import Heard, Recorder
from attacks.gradients.spikes.sites import SpikeSites
from attacks.gradients.spikes.summary import name_of

FAILING = "its backward fails"
"""The obstacle of a network that has a gradient, which raises: perhaps on some inputs only."""


class _Passing:
    """The gradient of a layer that lets everything through, so that nothing is lost on the way."""

    needs_current = False
    takes_windows = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``grad`` ``(T, n, ...)`` itself."""
        return grad


@dataclass(frozen=True)
class Arrivals:
    """obstacle: what keeps gradients from the input; None for nothing. answered: numbers of the calls they arrived at."""

    obstacle: str | None
    answered: frozenset[int]

    @property
    def differentiable(self) -> bool:
        """Whether there is a gradient at all; one that raises on these inputs may not raise on others."""
        return self.obstacle is None or self.obstacle.startswith(FAILING)

    def without_idle_layers(self, calls: Sequence[Call]) -> tuple[Call, ...]:
        """The calls, those left alone of whose layer none was answered: detached copies of spikes, as for a reset."""
        if self.obstacle is not None:
            return tuple(calls)
        alive = {calls[number].layer for number in self.answered}
        return tuple(call if call.layer in alive else replace(call, step=None) for call in calls)

    def idle_functions(self, heard: Sequence[Heard], calls: Sequence[Call]) -> list[Uncontrolled]:
        """Spike functions that no gradient arrives at, and whose spikes no other function repeats."""
        if self.obstacle is not None:
            return []
        reached = {calls[number].code for number in self.answered}
        patterns = frozenset[str]().union(*(_pattern(heard[number], calls[number]) for number in self.answered))
        reason = "its spikes are detached: no gradient passes through it"
        return [
            Uncontrolled(f"the function {name_of(record)}", record.place, reason)
            for record, call in zip(heard, calls, strict=True)
            if call.step is not None and call.code not in reached and not _pattern(record, call) & patterns
        ]


def arrivals(model: nn.Module, x: Tensor, sites: SpikeSites, plain: Tensor | None) -> Arrivals:
    """Where gradients arrive while the spike functions are under control.

    x: inputs ``(n, ...)``. plain: the output ``(n, ...)`` of the network by itself; None where it does not repeat itself.
    Raises ``ValueError`` if the output under control is another one.
    """
    answered: set[int] = set()
    with sites.controlled_by(model, Stepwise(lambda call: _Passing(), attached=True), answered=answered):
        leaf, output = output_of(model, x)
    if plain is not None and not same(output, plain):
        largest = float((output - plain).detach().abs().max())
        raise ValueError(f"the network answers with other bits while its spike functions are listened to (by {largest:g})")
    obstacle = _obstacle(model, x, sites, leaf, output)
    return Arrivals(obstacle, frozenset(answered))


def _obstacle(model: nn.Module, x: Tensor, sites: SpikeSites, leaf: Tensor, output: Tensor) -> str | None:
    if output.requires_grad:
        try:
            (gradient,) = torch.autograd.grad(output.sum(), leaf, allow_unused=True)
        except RuntimeError as error:
            return f"{FAILING}: {str(error).splitlines()[0]}"
        return None if gradient is not None else "the input is no part of the graph of the output"
    with adjusted(model, sites.adjustments), Cuts() as cuts:
        output_of(model, x)
    return next(iter((*cuts.drops, *cuts.comparisons)), "the output is made outside of torch")


def mute_neurons(model: nn.Module, x: Tensor, seen: Look) -> list[Uncontrolled]:
    """Modules with a spike function of theirs that run on ``x`` ``(n, ...)`` and never call it, whatever was adjusted."""
    silent, ran = silent_modules(model, seen.calls), dict[str, str]()
    with ExitStack() as hooks:
        for name in silent:
            module = model.get_submodule(name)
            hooks.callback(module.register_forward_hook(partial(_note, ran, name)).remove)
        if silent:
            output_of(model, x)
    reason = "they fire inside a kernel or a script, and with other bits where they do not"
    return [Uncontrolled(f"the neurons {kind}", name, reason) for name, kind in ran.items()]


def _note(ran: dict[str, str], name: str, module: nn.Module, inputs: Any, outputs: Any) -> None:
    ran[name] = type(module).__name__


def plain_steps(model: nn.Module, x: Tensor, sites: SpikeSites) -> list[Uncontrolled]:
    """Steps that are no Function, seen in runs on inputs ``x`` ``(n, ...)``."""
    runs = []
    for inputs in (x, x.roll(1, 0)):
        recorder = Recorder(model)
        listen = listening(recorder, functions_of_strangers(), newborn=True)
        with adjusted(model, sites.adjustments), listen, Watch() as watch:
            output_of(model, inputs)
        runs.append((watch.sightings, recorder.calls))
    (first, calls), (second, _) = runs
    spikes = frozenset[str]().union(*(_pattern(call) for call in calls))
    levels = frozenset(
        call.step.low + call.step.height * k for call in sites.calls if call.step is not None for k in range(8)
    )
    reason = "a step without a function of its own: its slope is zero, or made up"
    return [Uncontrolled(what, place, reason) for what, place in steps_seen(first, second, spikes, levels)]


def _pattern(heard: Heard, call: Call | None = None) -> frozenset[str]:
    """Who fired in a call; of a call that is not known, by any of its outputs."""
    outputs = heard.outputs if call is None or call.output is None else heard.outputs[call.output :][:1]
    numbers = [value for value in outputs if isinstance(value, Tensor) and value.numel()]
    return frozenset[str]().union(*(pattern_of(value) for value in numbers))
