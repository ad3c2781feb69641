"""Running a network to see what it does: every look draws the same random numbers and leaves the generators alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.gradients.spikes.calling import functions_of_strangers, listening
from attacks.gradients.spikes.control import adjusted
from attacks.gradients.spikes.inventory import Adjustment
from attacks.gradients.spikes.libraries import firing_modules, remedies
from attacks.gradients.spikes.recording import Heard, Recorder, run


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Torch's generators are after the block what they were before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def output_of(model: nn.Module, x: Tensor, *, graph: bool = True) -> tuple[Tensor, Tensor]:
    """A copy of ``x`` ``(n, ...)`` that asks for a gradient, and the output ``(n, ...)`` for it."""
    leaf = x.clone().requires_grad_()
    with undisturbed(x.device), torch.set_grad_enabled(graph):
        torch.manual_seed(0)
        return leaf, run(model, leaf)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two outputs, of any shape, agree in shape and in every bit; one NaN is like another."""
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


@dataclass
class Look:
    """A forward that was listened to. adjustments: those under which it ran."""

    output: Tensor
    calls: list[Heard]
    adjustments: tuple[Adjustment, ...]


def look(model: nn.Module, x: Tensor, adjustments: Sequence[Adjustment] = ()) -> Look:
    """Run ``model`` on ``x`` ``(n, ...)`` under ``adjustments`` and record every call of a Function."""
    recorder = Recorder(model)
    with adjusted(model, adjustments), listening(recorder, functions_of_strangers(), newborn=True):
        output = output_of(model, x)[1]
    return Look(output, recorder.calls, tuple(adjustments))


def adjusted_look(model: nn.Module, x: Tensor, plain: Tensor | None) -> Look:
    """A look in which as many modules as possible fire through Functions while the output is ``plain``, bit by bit.

    x: inputs ``(n, ...)``. plain: the output ``(n, ...)`` of the network by itself; None where it does not repeat itself,
    and nothing is adjusted then.
    """
    best = look(model, x)
    silent = silent_modules(model, best.calls)
    if not silent or plain is None:
        return best
    for remedy in remedies(model, silent):
        tried = look(model, x, remedy)
        left = silent_modules(model, tried.calls)
        if len(left) < len(silent) and same(tried.output, plain):
            best, silent = tried, left
        if not silent:
            break
    return best


def silent_modules(model: nn.Module, calls: Sequence[Heard]) -> list[str]:
    """Modules with a spike function of theirs, of which no Function was heard."""
    spoke = {call.layer for call in calls}
    return [name for name in firing_modules(model) if name not in spoke]
