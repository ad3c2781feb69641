"""A user's own module is given back as it came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from torch import nn


@contextmanager
def borrowed(model: object) -> Iterator[None]:
    """Afterwards, whatever happened inside, a user's own module has back its modes, gradient flags and device."""
    if not isinstance(model, nn.Module):
        yield
        return
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = {tensor.device for tensor in chain(model.parameters(), model.buffers())}
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            if not nn.parameter.is_lazy(parameter):
                parameter.requires_grad_(flag)
        if len(devices) == 1:
            model.to(devices.pop())
