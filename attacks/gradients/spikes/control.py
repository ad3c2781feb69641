"""Putting a spike gradient on a network for a while.

Inside the block every call of a known spike function is given the gradient that the path asks for, read when the call is
made and kept with it: a backward that runs after the block is right. The forward is the function's own, bit by bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.spikes.calling import Kind, code_of, is_listening, listening
from attacks.gradients.spikes.firing import Firing, SpikeGradient
from attacks.gradients.spikes.graph import cut_off
from attacks.gradients.spikes.inventory import Adjustment, Call
from attacks.gradients.spikes.layout import ONE_STEP


@dataclass
class Control:
    """A listener that gives each call its gradient. answered: numbers of the calls whose backward ran."""

    calls: Sequence[Call]
    gradient: SpikeGradient
    answered: set[int] | None = None
    number: int = 0
    memories: dict[int, Any] = field(default_factory=dict)
    contexts: dict[int, Any] = field(default_factory=dict)
    walked: dict[int, set[Any]] = field(default_factory=dict)

    def restart(self) -> None:
        """A forward begins."""
        self.number = 0
        self.memories, self.contexts, self.walked = {}, {}, {}

    def heard(self, kind: Kind, context: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
        """Give the call its gradient, if it is a spike whose input needs one."""
        if not self.calls:
            return
        number, call = self._next(code_of(kind))
        if call is None or call.step is None or not context.needs_input_grad[call.step.source]:
            return
        step = call.step
        compared = step.compared(inputs)
        if call.copied and step.operand is None:
            compared = compared.clone()
        if not call.layout.fits(compared):
            call = replace(call, layout=ONE_STEP)
        unit = None if call.unit is not None or step.operand is None else inputs[step.operand].detach()
        firing = Firing(number, call, step, compared, unit)
        memory = self.memories[number] = self.gradient.remember(firing, self.memories.get(_index(call.previous)))
        if call.resets and not self.gradient.attached and call.previous in self.contexts:
            walked = self.walked.setdefault(call.layer, set())
            cut_off(inputs[step.source].grad_fn, (self.contexts[call.previous], call.output or 0), walked)
        self.contexts[number] = context
        answer = _Answer(firing, self.gradient, memory, len(inputs), context.needs_input_grad, self.answered)
        if call.output is not None:
            answer = _OneOfSeveral(**vars(answer), context=weakref.ref(context), kind=kind)
        context.apply = answer
        context.apply_boxed = lambda grads: answer(*grads)

    def _next(self, code: object) -> tuple[int, Call | None]:
        """The call that this one is. Where the network makes other calls than it made before, the function's first."""
        if self.number == len(self.calls):
            self.restart()
        number = self.number
        self.number += 1
        if self.calls[number].code == code:
            return number, self.calls[number]
        known = next((call for call in self.calls if call.code == code and call.step is not None), None)
        return number, known


def _index(previous: int | None) -> int:
    return -1 if previous is None else previous


@dataclass(frozen=True)
class _Answer:
    """The backward of one call."""

    firing: Firing
    gradient: SpikeGradient
    memory: Any
    arguments: int
    needed: tuple[bool, ...]
    answered: set[int] | None

    def __call__(self, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        return self.for_spikes(grad)

    def for_spikes(self, grad: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients of all arguments, each of the argument's shape, given that of the spikes, of the call's shape."""
        result: list[Tensor | None] = [None] * self.arguments
        if grad is None:
            return tuple(result)
        if self.answered is not None:
            self.answered.add(self.firing.number)
        step = self.firing.step
        slope = self.firing.through(self.gradient, grad, self.memory)
        result[step.source] = slope
        if step.operand is not None and step.passes_on and self.needed[step.operand]:
            shape = self.firing.compared.shape if self.firing.unit is None else self.firing.unit.shape
            result[step.operand] = -slope.sum_to_size(shape)
        return tuple(result)


@dataclass(frozen=True)
class _OneOfSeveral(_Answer):
    """The backward of a call with several outputs: the others keep the function's own."""

    context: weakref.ref[Any]
    kind: Kind

    def __call__(self, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        output = self.firing.call.output or 0
        spikes = self.for_spikes(grads[output])
        silent = [None if i == output and grad is None else grad for i, grad in enumerate(grads)]
        if grads[output] is not None:
            silent[output] = torch.zeros_like(grads[output])  # type: ignore[arg-type]
        own = self.kind.backward(self.context(), *silent)
        pairs = zip(spikes, own if isinstance(own, tuple) else (own,), strict=True)
        return tuple(a if b is None else b if a is None else a + b for a, b in pairs)


@contextmanager
def controlled_by(
    model: nn.Module,
    calls: Sequence[Call],
    kinds: Sequence[Kind],
    adjustments: Sequence[Adjustment],
    gradient: SpikeGradient | None,
    *,
    newborn: bool = False,
    answered: set[int] | None = None,
) -> Iterator[None]:
    """Inside the block the spike functions of ``model`` have the derivative of ``gradient``; None: their own.

    Adjustments are made in either case, and undone whatever happens.
    """
    with adjusted(model, adjustments):
        if gradient is None:
            yield
            return
        control = Control(calls, gradient, answered)
        # The hook is the network's, and other threads may run it: it speaks to the listener of the thread that does.
        hook = model.register_forward_pre_hook(lambda module, inputs: _restart(control))
        try:
            with listening(control, kinds, newborn=newborn):
                yield
        finally:
            hook.remove()


def _restart(control: Control) -> None:
    if is_listening(control):
        control.restart()


@contextmanager
def adjusted(model: nn.Module, adjustments: Sequence[Adjustment]) -> Iterator[None]:
    """Inside the block attributes of modules of ``model`` have other values."""
    before: list[tuple[nn.Module, str, Any]] = []
    try:
        for adjustment in adjustments:
            module = model.get_submodule(adjustment.module)
            own = getattr(module, adjustment.attribute)
            before.append((module, adjustment.attribute, own))
            setattr(module, adjustment.attribute, adjustment.value(own))
        yield
    finally:
        for module, attribute, own in reversed(before):
            setattr(module, attribute, own)
