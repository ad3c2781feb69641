"""Taking down every call of a Function in a forward: what went in and came out, in which layer, from which line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import TakesCoding, TakesGradientPath, has_gradient_path
from attacks.gradients.spikes.calling import Kind, code_of, is_strange
from attacks.gradients.spikes.libraries import SURROGATES
from attacks.gradients.spikes.thresholds import Unit, unit_of

TORCH = str(Path(torch.__file__).parent)
HERE = str(Path(__file__).parent)


@dataclass(frozen=True)
class Heard:
    """One call. inputs, outputs: copies of what they were at the call, outside of the graph, because networks overwrite
    them. nodes: of the graph, for each input. given: the very inputs that are tensors, with their versions at the call.

    layer: dotted name of the innermost module, "" for the network itself. stack: where the call came from, innermost first.
    private: whether a layer that takes gradient paths by itself made it. unit: the threshold, as far as names tell.
    """

    kind: Kind
    code: object
    context: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    several: bool
    nodes: tuple[Any, ...]
    given: tuple[tuple[Tensor, int], ...]
    layer: str
    stack: tuple[tuple[str, int], ...]
    private: bool
    unit: Unit | None

    @property
    def overwritten(self) -> bool:
        """Whether the network has changed what it gave the Function since."""
        return any(value._version != version for value, version in self.given)

    @property
    def place(self) -> str:
        """``file:line`` of the call."""
        return at(self.stack)

    @property
    def key(self) -> tuple[object, ...]:
        """What calls of one layer at different steps have in common."""
        return (self.code, self.layer, self.stack, *(v.shape for v in self.outputs if isinstance(v, Tensor)))


@dataclass
class Recorder:
    """A listener that writes down all calls of one forward of ``model``."""

    model: nn.Module
    calls: list[Heard] = field(default_factory=list)
    names: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        holders = list(self.model.modules())
        tools = {id(getattr(module, name, None)) for module in holders for name in SURROGATES}
        self.names = {id(module): name for name, module in self.model.named_modules() if id(module) not in tools}

    def heard(self, kind: Kind, context: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
        """Write the call down, with copies of what it was given and what it answered."""
        several = isinstance(outputs, tuple)
        frames = list(strangers(sys._getframe(1)))
        modules = [module for module in map(_module_of, frames) if module is not None and id(module) in self.names]
        layer = self.names[id(modules[0])] if modules else ""
        self.calls.append(
            Heard(
                kind,
                code_of(kind),
                context,
                tuple(map(_copied, inputs)),
                tuple(map(_copied, outputs if several else (outputs,))),
                several,
                tuple(getattr(value, "grad_fn", None) for value in inputs),
                tuple((value, value._version) for value in inputs if isinstance(value, Tensor)),
                layer,
                tuple((frame.f_code.co_filename, frame.f_lineno) for frame in frames),
                any(has_gradient_path(module) for module in modules),
                unit_of(kind, inputs, modules, frames),
            )
        )


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def strangers(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames from ``frame`` outwards, up to the caller of the network, without those of torch and of this package."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file == BOUNDARY.co_filename and frame.f_code is BOUNDARY:
            return
        if not file.startswith((TORCH, HERE)):
            yield frame
        frame = frame.f_back


def run(model: nn.Module, x: Tensor) -> Tensor:
    """``model(x)`` for inputs ``x`` ``(n, ...)``; frames beyond this one do not belong to the network."""
    outputs: Tensor = model(x)
    return outputs


BOUNDARY = run.__code__


def _module_of(frame: FrameType) -> nn.Module | None:
    """The module whose method runs in ``frame``."""
    code = frame.f_code
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    return first if isinstance(first, nn.Module) else None


def at(stack: tuple[tuple[str, int], ...]) -> str:
    """``file:line`` of the innermost frame, the file by its name alone."""
    return f"{Path(stack[0][0]).name}:{stack[0][1]}" if stack else "an unknown place"


def innermost(frame: FrameType | None) -> tuple[str, bool]:
    """``file:line`` of the innermost frame that is not torch's, and whether a stranger wrote it.

    What happens inside a layer or an encoder that takes paths by itself is its own affair, whoever wrote it.
    """
    frames = list(strangers(frame))
    if not frames:
        return "an unknown place", False
    place = at(((frames[0].f_code.co_filename, frames[0].f_lineno),))
    private = any(isinstance(_module_of(outer), TakesGradientPath | TakesCoding) for outer in frames)
    return place, is_strange(str(frames[0].f_globals.get("__name__", ""))) and not private
