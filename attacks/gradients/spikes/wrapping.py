"""A plain Python function that makes spikes, seen as an autograd Function.

Some libraries take any callable for their spikes, one without a gradient included. Called through :class:`Fired`, it is a
Function like any other, and its bits are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Fired(torch.autograd.Function):
    """``Fired.apply(x, function)`` is ``function(x)``; its gradient is zero until somebody chooses another one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """``function(x)``, outside of any graph; the functions of libraries keep the shape of ``x``."""
        return function(x.detach())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Zero for ``x``, of the shape of ``grad``."""
        return torch.zeros_like(grad), None


class Through(nn.Module):
    """A module in the place of ``function`` that calls it through :class:`Fired`, with the attributes of ``function``."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._function = [function]  # in a list: no submodule, whose parameters would be counted twice

    def forward(self, x: Tensor) -> Tensor:
        """``function(x)``, of the shape of ``x``, as a call of :class:`Fired`."""
        spikes: Tensor = Fired.apply(x, self._function[0])  # type: ignore[no-untyped-call]
        return spikes

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_function"][0], name)
