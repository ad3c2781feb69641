"""Finding the spike functions of a network by running it on a few inputs.

    1  listen to every Function: which calls, in which order, from which layers and lines
    2  try each Function on numbers of our own: is it a step, and where is its cut
    3  put a gradient on them and run again: the same bits must come out, and the gradients must arrive
    4  watch every operation for steps that are no Function

What is found belongs to the network in the mode (eval) and with the shape of inputs it was tried with.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.bptt import BPTT
from attacks.gradients.spikes.calling import code_of, functions_of_strangers, listening
from attacks.gradients.spikes.control import adjusted
from attacks.gradients.spikes.cuts import Cuts
from attacks.gradients.spikes.inventory import Adjustment, Call, Uncontrolled
from attacks.gradients.spikes.judging import Judged, judged
from attacks.gradients.spikes.layout import ONE_STEP, layout_of
from attacks.gradients.spikes.libraries import firing_modules, remedies, resettable_modules
from attacks.gradients.spikes.linking import linked
from attacks.gradients.spikes.plain_steps import Watch, pattern_of, steps_seen
from attacks.gradients.spikes.recording import Heard, Recorder, run
from attacks.gradients.spikes.sites import SpikeSites
from attacks.gradients.spikes.summary import (
    functions_in,
    name_of,
    out_of_control,
    out_of_sight,
    remarks_on,
    threshold_of,
)

MOST = 3
"""Inputs that are looked at; more would tell no more."""


def spiking_sites(model: nn.Module, probe: Tensor) -> SpikeSites:
    """Where ``model`` makes spikes, and which of them an attacker may differentiate as he likes.

    model: in eval mode; its parameters, modes and classes are left as they were. A network with a state must reset it in
    its forward.
    probe: a few inputs ``(n, ...)``, real ones where possible: layers that stay silent on them show less.
    Raises ``ValueError`` without inputs, and if the network answers with other bits while its spike functions are under
    control.
    """
    if not len(probe):
        raise ValueError("at least one input is needed to find the spike functions of a network")
    x = probe[:MOST].detach()
    x = x if len(x) > 1 else torch.cat([x, x.flip(-1)])
    known = functions_of_strangers()
    plain = _output(model, x)[1]
    repeatable = torch.equal(_output(model, x)[1], plain)
    heard = _adjusted(model, x, plain if repeatable else None)
    fewer = _heard(model, x[:-1], heard.adjustments).calls
    steady = [call.code for call in fewer] == [call.code for call in heard.calls]
    judgements = judged(heard.calls)
    calls = _calls(heard.calls, judgements, fewer if steady else None, len(x))
    used = {call.code for call in heard.calls}
    kinds = tuple(kind for kind in known if code_of(kind) in used)
    sites = SpikeSites(
        calls=tuple(calls),
        kinds=kinds,
        adjustments=heard.adjustments,
        resettable=resettable_modules(model),
        newborn=bool(used - {code_of(kind) for kind in kinds}) or any("<locals>" in kind.__qualname__ for kind in kinds),
    )
    obstacle, answered = _checked(model, x, sites, plain if repeatable else None)
    idle = [] if obstacle is not None else _idle(heard.calls, sites.calls, answered)
    sites = replace(sites, calls=_without_idle_layers(sites.calls, answered))
    functions = functions_in(heard.calls, sites.calls)
    uncontrolled = [
        *out_of_control(heard.calls, judgements),
        *out_of_sight(model),
        *_mute(model, x, heard),
        *idle,
        *_plain_steps(model, x, sites),
    ]
    _output(model, x, graph=False)  # a state that the network keeps shall not hold a graph
    return replace(
        sites,
        functions=functions,
        uncontrolled=tuple(dict.fromkeys(uncontrolled)),
        differentiable=obstacle is None,
        obstacle=obstacle,
        remarks=tuple(remarks_on(model, functions, repeatable=repeatable, steady=steady)),
    )


def _output(model: nn.Module, x: Tensor, *, graph: bool = True) -> tuple[Tensor, Tensor]:
    """An input that asks for a gradient, and the output; random layers draw the same each time."""
    leaf = x.clone().requires_grad_()
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []), torch.set_grad_enabled(graph):
        torch.manual_seed(0)
        return leaf, run(model, leaf)


@dataclass
class _Run:
    """A forward that was listened to."""

    output: Tensor
    calls: list[Heard]
    adjustments: tuple[Adjustment, ...]


def _heard(model: nn.Module, x: Tensor, adjustments: Sequence[Adjustment]) -> _Run:
    recorder = Recorder(model)
    with adjusted(model, adjustments), listening(recorder, functions_of_strangers(), newborn=True):
        output = _output(model, x)[1]
    return _Run(output, recorder.calls, tuple(adjustments))


def _adjusted(model: nn.Module, x: Tensor, plain: Tensor | None) -> _Run:
    """A forward in which as many modules as possible fire through Functions, with the same bits."""
    best = _heard(model, x, ())
    silent = _silent(model, best.calls)
    if not silent or plain is None:
        return best
    for remedy in remedies(model, silent):
        tried = _heard(model, x, remedy)
        left = _silent(model, tried.calls)
        if len(left) < len(silent) and torch.equal(tried.output, plain):
            best, silent = tried, left
        if not silent:
            break
    return best


def _silent(model: nn.Module, calls: Sequence[Heard]) -> list[str]:
    """Modules with a spike function of theirs, of which no Function was heard."""
    spoke = {call.layer for call in calls}
    return [name for name in firing_modules(model) if name not in spoke]


def _mute(model: nn.Module, x: Tensor, heard: _Run) -> list[Uncontrolled]:
    """Modules with a spike function of theirs that run and never call it, whatever was adjusted."""
    silent, ran = _silent(model, heard.calls), dict[str, str]()
    with ExitStack() as hooks:
        for name in silent:
            module = model.get_submodule(name)
            hooks.callback(module.register_forward_hook(partial(_note, ran, name)).remove)
        if silent:
            _output(model, x)
    reason = "it fires inside a kernel or a script, and with other bits where it does not"
    return [Uncontrolled(f"the neurons {kind}", name, reason) for name, kind in ran.items()]


def _note(ran: dict[str, str], name: str, module: nn.Module, inputs: Any, outputs: Any) -> None:
    ran[name] = type(module).__name__


def _calls(heard: Sequence[Heard], judgements: Sequence[Judged], fewer: Sequence[Heard] | None, n: int) -> list[Call]:
    """What is known of each call. fewer: the same calls for a batch of one sample less."""
    calls = []
    for number, (call, judgement, link) in enumerate(zip(heard, judgements, linked(heard, judgements), strict=True)):
        step = judgement.step
        if step is None or link is None:
            calls.append(Call(call.code))
            continue
        layout = None
        if fewer is not None:
            layout = layout_of(call.inputs[step.source], fewer[number].inputs[step.source], n, n - 1)
        calls.append(
            Call(
                call.code,
                step,
                threshold_of(step, call),
                judgement.output,
                layer=link.layer,
                previous=link.previous,
                resets=link.resets,
                copied=call.overwritten,
                layout=layout or ONE_STEP,
            )
        )
    return calls


def _checked(model: nn.Module, x: Tensor, sites: SpikeSites, plain: Tensor | None) -> tuple[str | None, set[int]]:
    """What keeps gradients from the input, and the numbers of the calls that a gradient arrives at.

    Raises ``ValueError`` if the output under control differs from ``plain``.
    """
    answered: set[int] = set()
    straight = BPTT(surrogate="straight_through").spike_gradient()
    with sites.taken(model, straight, answered=answered):
        leaf, output = _output(model, x)
    if plain is not None and not torch.equal(output, plain):
        largest = float((output - plain).detach().abs().max())
        raise ValueError(f"the network answers with other bits while its spike functions are listened to (by {largest:g})")
    return _obstacle(model, x, sites, leaf, output), answered


def _idle(heard: Sequence[Heard], calls: Sequence[Call], answered: set[int]) -> list[Uncontrolled]:
    """Spike functions that no gradient arrives at, though nobody else says what they say."""
    reached = {call.code for number, call in enumerate(calls) if number in answered}
    patterns = frozenset[str]().union(*(_pattern(heard[number]) for number in answered))
    return [
        Uncontrolled(f"the function {name_of(one)}", one.place, "its spikes are detached: no gradient passes through it")
        for one, call in zip(heard, calls, strict=True)
        if call.step is not None and call.code not in reached and not _pattern(one) & patterns
    ]


def _without_idle_layers(calls: Sequence[Call], answered: set[int]) -> tuple[Call, ...]:
    """The calls, those left alone of whose layer none was answered: detached copies of spikes, as for a reset."""
    alive = {calls[number].layer for number in answered}
    return tuple(call if call.layer in alive else replace(call, step=None) for call in calls)


def _pattern(call: Heard) -> frozenset[str]:
    spikes = next(value for value in call.outputs if isinstance(value, Tensor))
    return pattern_of(spikes)


def _obstacle(model: nn.Module, x: Tensor, sites: SpikeSites, leaf: Tensor, output: Tensor) -> str | None:
    if output.requires_grad:
        try:
            (gradient,) = torch.autograd.grad(output.sum(), leaf, allow_unused=True)
        except RuntimeError as error:
            return f"its backward fails: {str(error).splitlines()[0]}"
        return None if gradient is not None else "the input is no part of the graph of the output"
    with adjusted(model, sites.adjustments), Cuts() as cuts:
        _output(model, x)
    return next(iter((*cuts.found, *cuts.compared)), "the output is made outside of torch")


def _plain_steps(model: nn.Module, x: Tensor, sites: SpikeSites) -> list[Uncontrolled]:
    """Steps that are no Function."""
    runs = []
    for asked in (x, x.roll(1, 0)):
        recorder = Recorder(model)
        listen = listening(recorder, functions_of_strangers(), newborn=True)
        with adjusted(model, sites.adjustments), listen, Watch() as watch:
            _output(model, asked)
        runs.append((watch.sightings, recorder.calls))
    (first, calls), (second, _) = runs
    spikes = frozenset().union(*(_pattern(call) for call in calls if isinstance(call.outputs[0], Tensor)))
    levels = frozenset(
        call.step.low + call.step.height * k for call in sites.calls if call.step is not None for k in range(8)
    )
    reason = "a step without a function of its own: its slope is zero, or made up"
    return [Uncontrolled(what, place, reason) for what, place in steps_seen(first, second, spikes, levels)]
