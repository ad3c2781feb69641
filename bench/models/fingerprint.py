"""What determines a module's answers, as hashes: its parameters, its structure, and what hides in plain attributes.

Parameters and buffers are where torch keeps numbers; users keep them elsewhere too: packed int8 weights, tensors and
modules in attributes, lists and dicts, sessions of other libraries that name a file of weights. ``hidden_sha256`` walks
all of these. Numbers of plain attributes are the structure's; what an object keeps outside Python is seen by its answers
alone (:mod:`bench.models.probe`).
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from itertools import chain
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.foundation.files import digest, sha256_file

DEEPEST = 12
"""Attributes of attributes that are followed."""
REGISTERED = ("_parameters", "_buffers", "_modules")
"""Where an ``nn.Module`` keeps what its own lists of names tell of."""


def parameters_sha256(module: nn.Module) -> str:
    """sha256 over names, shapes and bytes of all parameters and buffers."""
    named = chain(module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))
    found = hashlib.sha256()
    for name, tensor in sorted(named, key=lambda pair: pair[0]):
        found.update(_header(name, tensor))
        found.update(_bytes(tensor))
    return found.hexdigest()


def structure_sha256(module: nn.Module) -> str:
    """sha256 over the classes of all submodules and their plain attributes, such as a number of time steps."""
    return digest(
        {
            name: [type(part).__qualname__, {key: repr(value) for key, value in vars(part).items() if _plain(key, value)}]
            for name, part in module.named_modules(remove_duplicate=False)
        }
    )


def hidden_sha256(module: nn.Module) -> str | None:
    """sha256 over everything :func:`hidden` finds in a module; None if it hides nothing."""
    sums = hashlib.sha256()
    count = 0
    for name, value in hidden(module):
        count += 1
        if isinstance(value, Tensor):
            sums.update(_header(name, value))
            sums.update(_bytes(value))
        elif isinstance(value, np.ndarray):
            sums.update(f"{name} {value.shape} {value.dtype}".encode())
            sums.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, Path):
            sums.update(f"{name} {sha256_file(value)}".encode())
        else:
            sums.update(name.encode() + value)
    return sums.hexdigest() if count else None


def draws_by_itself(module: nn.Module) -> bool:
    """Whether a generator of random numbers lies in some attribute, so that no seed of ours reaches its draws."""
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    return any(isinstance(value, kinds) for _, value in _walk("", module, _Visit(module)))


def hidden(module: nn.Module) -> Iterator[tuple[str, Tensor | np.ndarray[Any, Any] | bytes | Path]]:
    """What a module keeps outside parameters and buffers, by its place, in a fixed order.

    Tensors, arrays, bytes, and files that a string names.
    """
    for name, value in _walk("", module, _Visit(module)):
        if isinstance(value, Tensor | np.ndarray | bytes):
            yield name, value
        elif isinstance(value, str) and 0 < len(value) < 4096 and (file := _named_file(value)) is not None:
            yield name, file


def _named_file(text: str) -> Path | None:
    try:
        path = Path(text)
        return path if path.suffix not in ("", ".py") and path.is_file() else None
    except (OSError, ValueError):
        return None


class _Visit:
    """What a walk through a module has seen. registered: ids of modules and tensors that torch's own lists tell of."""

    def __init__(self, module: nn.Module) -> None:
        tensors = chain(module.parameters(), module.buffers())
        self.registered = {id(each) for each in chain(module.modules(), tensors)}
        self.seen: dict[int, object] = {}  # kept alive, so that no id is given twice


def _walk(name: str, value: object, visit: _Visit, depth: int = 0) -> Iterator[tuple[str, object]]:
    """All values below ``value`` with their places, each object once."""
    if id(value) in visit.seen or depth > DEEPEST or isinstance(value, type | ModuleType):
        return
    if not isinstance(value, str | bytes | int | float | bool | None):
        visit.seen[id(value)] = value
    if not (isinstance(value, Tensor) and id(value) in visit.registered):
        yield name, value
    for key, part in _parts(value, visit):
        yield from _walk(f"{name}.{key}", part, visit, depth + 1)


def _parts(value: object, visit: _Visit) -> Iterator[tuple[str, object]]:
    """What an object holds, with names that are the same in every process."""
    if isinstance(value, Tensor | np.ndarray | str | bytes):
        return
    if isinstance(value, Mapping):
        yield from sorted(((str(key), part) for key, part in list(value.items())), key=lambda pair: pair[0])
    elif isinstance(value, list | tuple):
        yield from ((str(position), part) for position, part in enumerate(value))
    elif isinstance(value, functools.partial):
        yield from (("func", value.func), ("args", value.args), ("keywords", value.keywords))
    elif isinstance(value, MethodType):
        yield "self", value.__self__
    elif isinstance(value, FunctionType):
        yield from (("closure", _cells(value)), ("defaults", value.__defaults__))
    elif isinstance(value, torch.jit.ScriptModule):
        yield from value.state_dict().items()
    elif isinstance(value, nn.Module):
        yield from _module_parts(value, visit)
    else:
        yield from sorted(_attributes(value).items())


def _cells(function: FunctionType) -> list[object]:
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:  # not assigned yet
            continue
    return contents


def _module_parts(module: nn.Module, visit: _Visit) -> Iterator[tuple[str, object]]:
    """Plain attributes; of a module that nobody registered its parameters too; what only ``state_dict`` tells (int8)."""
    yield from sorted(module._modules.items())
    if id(module) not in visit.registered:
        yield from sorted(module._parameters.items())
        yield from sorted(module._buffers.items())
    yield from sorted((key, part) for key, part in _attributes(module).items() if key not in REGISTERED)
    own: dict[str, Any] = {}
    try:
        module._save_to_state_dict(own, "", True)
    except Exception:  # a module that cannot be saved can be evaluated all the same
        return
    known = (*module._parameters, *module._buffers)
    yield from sorted((f"state.{key}", part) for key, part in own.items() if key not in known)


def _attributes(value: object) -> dict[str, object]:
    try:
        return dict(vars(value))
    except TypeError:  # no __dict__
        return {}


def _header(name: str, tensor: Tensor) -> bytes:
    return f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode()


def _bytes(tensor: Tensor) -> bytes:
    plain = tensor.detach().cpu()
    if plain.is_quantized:
        scale = f"{plain.qscheme()} ".encode() + torch.dequantize(plain).contiguous().numpy().tobytes()
        return scale + plain.int_repr().contiguous().numpy().tobytes()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    return plain.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _plain(key: str, value: object) -> bool:
    """Whether an attribute is a setting that prints the same in every process."""
    kinds = (bool, int, float, str, tuple, list, dict)
    setting = not key.startswith("_") and key != "training" and (isinstance(value, kinds) or is_dataclass(value))
    return setting and " at 0x" not in repr(value)
