"""A user's own module, and the process that it runs in, are given back as they came."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.precision import without_tf32


def _precision() -> str | None:
    """Of matrix products; None where both interfaces of torch were used to set it, after which torch refuses to say."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def _set_precision(precision: str | None) -> None:
    if precision is not None:
        torch.set_float32_matmul_precision(precision)


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "default type": (torch.get_default_dtype, torch.set_default_dtype),
    "default device": (torch.get_default_device, _set_device),
    "precision of products": (_precision, _set_precision),
    "deterministic algorithms": (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    "errors of numpy": (np.geterr, lambda errors: np.seterr(**errors)),
}
"""What a process is set to: how each is read, and how it is set."""
GENERATORS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
)
"""The states from which a process draws."""


@contextmanager
def borrowed(model: object) -> Iterator[None]:
    """Afterwards, whatever happened inside, a user's own module has back its modes, gradient flags, tensors and device.

    Inside and afterwards the process is as :func:`undisturbed` says.
    """
    with undisturbed():
        if isinstance(model, nn.Module):
            with _given_back(model):
                yield
        else:
            yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Inside, nothing is computed in TF32, and gradients can be taken even within ``torch.no_grad`` and
    ``torch.inference_mode`` of the caller.

    Afterwards all :data:`SWITCHES`, and the generators of Python, numpy and torch, are as before, whatever a model did to
    them.
    """
    settings = [(read, write, read()) for read, write in SWITCHES.values()]
    states = [(write, read()) for read, write in GENERATORS]
    try:
        with torch.inference_mode(False), torch.enable_grad(), without_tf32():
            yield
    finally:
        for read, write, before in settings:
            if read() != before:
                write(before)
        for write, before in states:
            write(before)


@contextmanager
def _given_back(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = {tensor.device for tensor in chain(model.parameters(), model.buffers())}
    try:
        with _without_inference_tensors(model):
            yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            if not nn.parameter.is_lazy(parameter) and not parameter.is_inference():
                parameter.requires_grad_(flag)
        if len(devices) == 1 and {tensor.device for tensor in chain(model.parameters(), model.buffers())} != devices:
            model.to(devices.pop())


@contextmanager
def _without_inference_tensors(model: nn.Module) -> Iterator[None]:
    """Inside, copies stand for parameters and buffers that were made within ``torch.inference_mode``: those let no gradient
    pass."""
    stores: list[dict[str, Any]] = []
    for module in model.modules():
        stores += [cast("dict[str, Any]", module._parameters), cast("dict[str, Any]", module._buffers)]
    before = [
        (store, name, tensor)
        for store in stores
        for name, tensor in store.items()
        if tensor is not None and not nn.parameter.is_lazy(tensor) and tensor.is_inference()
    ]
    copies: dict[int, Tensor] = {}
    for store, name, tensor in before:
        if id(tensor) not in copies:
            copy = tensor.detach().clone()
            copies[id(tensor)] = nn.Parameter(copy) if isinstance(tensor, nn.Parameter) else copy
        store[name] = copies[id(tensor)]
    try:
        yield
    finally:
        for store, name, tensor in before:
            store[name] = tensor
