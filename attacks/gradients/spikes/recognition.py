"""Finding the spike functions of a network by running it on a few inputs.

    1  listen to every Function: which calls, in which order, from which layers and lines
    2  try each Function on numbers of our own: is it a step, and where is its cut
    3  put a gradient on them and run again: the same bits must come out, and the gradients must arrive
    4  watch every operation for steps that are no Function

What is found belongs to the network in the mode (eval) and with the shape of inputs it was tried with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from attacks.gradients.spikes.calling import code_of, functions_of_strangers
from attacks.gradients.spikes.checking import arrivals, mute_neurons, plain_steps
from attacks.gradients.spikes.inventory import Call
from attacks.gradients.spikes.judging import Judged, judged
from attacks.gradients.spikes.layout import ONE_STEP, layout_of
from attacks.gradients.spikes.libraries import resettable_modules
from attacks.gradients.spikes.linking import linked
from attacks.gradients.spikes.looking import adjusted_look, look, output_of, same, undisturbed
from attacks.gradients.spikes.recording import Heard
from attacks.gradients.spikes.sites import SpikeSites
from attacks.gradients.spikes.summary import functions_in, out_of_control, out_of_sight, remarks_on, threshold_of

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
    with undisturbed(x.device):
        return _found(model, x)


def _found(model: nn.Module, x: Tensor) -> SpikeSites:
    known = functions_of_strangers()
    plain = output_of(model, x)[1]
    repeatable = same(output_of(model, x)[1], plain)
    answer = plain if repeatable else None
    seen = adjusted_look(model, x, answer)
    fewer = look(model, x[:-1], seen.adjustments).calls
    steady = [call.code for call in fewer] == [call.code for call in seen.calls]
    judgements = judged(seen.calls)
    used = {call.code for call in seen.calls}
    kinds = tuple(kind for kind in known if code_of(kind) in used)
    sites = SpikeSites(
        calls=_calls(seen.calls, judgements, fewer if steady else None, len(x)),
        kinds=kinds,
        adjustments=seen.adjustments,
        resettable=resettable_modules(model),
        newborn=bool(used - {code_of(kind) for kind in kinds}) or any("<locals>" in kind.__qualname__ for kind in kinds),
    )
    arrived = arrivals(model, x, sites, answer)
    idle = arrived.idle_functions(seen.calls, sites.calls)
    sites = replace(sites, calls=arrived.without_idle_layers(sites.calls))
    functions = functions_in(seen.calls, sites.calls)
    uncontrolled = [
        *out_of_control(seen.calls, judgements),
        *out_of_sight(model),
        *mute_neurons(model, x, seen),
        *idle,
        *plain_steps(model, x, sites),
    ]
    output_of(model, x, graph=False)  # a state that the network keeps shall not hold a graph
    return replace(
        sites,
        functions=functions,
        uncontrolled=tuple(dict.fromkeys(uncontrolled)),
        differentiable=arrived.differentiable,
        obstacle=arrived.obstacle,
        remarks=tuple(remarks_on(model, functions, repeatable=repeatable, steady=steady)),
    )


def _calls(heard: Sequence[Heard], judgements: Sequence[Judged], fewer: Sequence[Heard] | None, n: int) -> tuple[Call, ...]:
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
    return tuple(calls)
