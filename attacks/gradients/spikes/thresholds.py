"""How large the threshold of a spike function is.

The width of a surrogate is measured in thresholds. A function that is handed the potential itself has its cut there; one
that is handed ``u - threshold`` has its cut at zero and does not show it. Then names tell: an argument, an attribute of the
layer, or a variable of the code that calls the function, which is called something like ``threshold``. Where a potential u
with ``u - threshold`` equal to what the function was handed lies beside it, that is proof; a potential with
``u / threshold - 1`` equal to it proves that the unit is 1 already.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

NAME = re.compile(
    r"(?i)^_*((v|u|mem|membrane|spike|spiking|fire|firing|neuron)_?)?(th|thr|thre|tresh|thresh|threshold|theta)$"
)


@dataclass(frozen=True)
class Unit:
    """size: of the threshold. proven: whether the numbers themselves show it."""

    size: float
    proven: bool


def unit_of(
    kind: type[torch.autograd.Function],
    inputs: tuple[Any, ...],
    modules: list[nn.Module],
    frames: list[FrameType],
) -> Unit | None:
    """The threshold of a call whose cut is at zero, as far as names tell; None if none does.

    modules, frames: those that the call is made in, innermost first.
    """
    candidates = [size for size in _sizes(_named(kind, inputs, modules, frames)) if size > 0 and math.isfinite(size)]
    source = next((value for value in inputs if isinstance(value, Tensor)), None)
    if not candidates or source is None:
        return None
    beside = list(_potentials(source, modules[:1], frames[:2]))
    for size in candidates:
        if any(torch.equal(u - size, source) for u in beside):
            return Unit(size, proven=True)
        if size != 1 and any(torch.allclose(u / size - 1, source, rtol=1e-5, atol=1e-6) for u in beside):
            return Unit(1.0, proven=True)
    return Unit(candidates[0], proven=False)


def _named(
    kind: type[torch.autograd.Function], inputs: tuple[Any, ...], modules: list[nn.Module], frames: list[FrameType]
) -> Iterator[Any]:
    """Values with a name like threshold, the nearest first."""
    yield from _matching(dict(zip(_parameters(kind, len(inputs)), inputs, strict=False)).items())
    for module in modules[:1]:
        yield from _matching(_attributes(module))
    for frame in frames:
        yield from _matching(_with_fields(frame.f_locals))
    for module in modules[1:]:
        yield from _matching(_attributes(module))
    for frame in frames[:1]:
        yield from _matching(frame.f_globals.items())


def _parameters(kind: type[torch.autograd.Function], arguments: int) -> list[str]:
    """Names of the arguments of ``apply``."""
    method = inspect.unwrap(getattr(kind, "forward"))  # noqa: B009
    try:
        names = list(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        return []
    return names[max(0, len(names) - arguments) :]


def _attributes(module: nn.Module) -> Iterator[tuple[str, Any]]:
    yield from _with_fields(vars(module))
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def _with_fields(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values by their names, and the fields of those that are records (a neuron's parameters often are)."""
    for name, value in list(values.items()):
        yield name, value
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            yield from zip(type(value)._fields, value, strict=True)  # type: ignore[attr-defined]
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from vars(value).items() if hasattr(value, "__dict__") else ()


def _matching(named: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    return (value for name, value in list(named) if NAME.match(name))


def _sizes(values: Iterable[Any]) -> Iterator[float]:
    for value in values:
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            yield float(value)
        elif isinstance(value, Tensor) and value.numel() and value.is_floating_point():
            yield float(value.detach().double().mean())


def _potentials(source: Tensor, modules: list[nn.Module], frames: list[FrameType]) -> Iterator[Tensor]:
    """Tensors of the shape of ``source`` beside the call."""
    for values in (*(vars(module) for module in modules), *(frame.f_locals for frame in frames)):
        for value in list(values.values()):
            if isinstance(value, Tensor) and value.shape == source.shape and value.dtype == source.dtype:
                yield value.detach()
