"""Running stateless layers over time.

A layer without state does the same at each step, so time is folded into the batch.
Where its input is constant in time (direct encoding: the same image at each step), the
layer runs once and its output is constant too: the first convolution and its
BatchNorm cost 1/T of what they would cost in a loop over time.
"""

from __future__ import annotations

from typing import TypeGuard

from torch import Tensor, nn

from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool
from zoo.spiking.signals import constant_in_time, repeated, the_step


def over_time(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a stateless layer to each step of ``x`` ``(T, N, ...)``."""
    steps = x.shape[0]
    if constant_in_time(x):
        return repeated(layer(the_step(x)), steps)
    folded: Tensor = layer(x.flatten(0, 1))
    return folded.view(steps, -1, *folded.shape[1:])


class TimeSequential(nn.Sequential):
    """Like ``nn.Sequential``, on ``(T, N, ...)``: neurons see time, everything else is applied per step.

    Neurons take over the pooling that follows them.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(T, N, ...)`` of the last layer for ``x`` ``(T, N, ...)``."""
        pooled = False
        for layer, following in zip(self, [*list(self)[1:], None], strict=True):
            if pooled:
                pooled = False
            elif isinstance(following, MeanPool) and _may_pool(layer):
                x, pooled = layer.pooled(x, following.size), True
            else:
                x = layer(x) if isinstance(layer, LIF | TimeSequential) else over_time(layer, x)
        return x


def _may_pool(layer: nn.Module) -> TypeGuard[LIF]:
    """Whether the layer is plain neurons without hooks; a hook must receive the spikes themselves."""
    return type(layer) is LIF and not layer._forward_hooks and not layer._forward_pre_hooks
