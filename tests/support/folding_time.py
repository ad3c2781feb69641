"""One spiking network, written with its time steps in different places of the tensor that its last linear layer is given.

Images ``(n, 1, 6, 6)`` to ``(n, 3)``: a linear layer, leaky neurons that fire through a function of their own, four steps,
a linear layer, a mean over time. All manners compute the same but for rounding.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

STEPS, HIDDEN, CLASSES, SHAPE = 4, 48, 3, (1, 6, 6)
Manner = Literal["a call per step", "(T, n, F)", "(n, T, F)", "(T n, F)", "(n T, F)"]
MANNERS: tuple[Manner, ...] = ("a call per step", "(T, n, F)", "(n, T, F)", "(T n, F)", "(n T, F)")


class Spike(torch.autograd.Function):
    """A step at zero with a triangle for its slope."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        return grad * (1 - u.abs()).clamp_min(0)


class FoldingTime(nn.Module):
    """The network. manner: of its last layer."""

    def __init__(self, manner: Manner) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.manner = manner
        self.first, self.last = nn.Linear(36, HIDDEN), nn.Linear(HIDDEN, CLASSES)
        for layer in (self.first, self.last):
            layer.weight.data = torch.randn(layer.weight.shape, generator=generator) / 2
            layer.bias.data.zero_()

    def features(self, x: Tensor) -> Tensor:
        """Spikes and a trace of the potential, ``(T, n, F)``: graded, so that small changes of the image show."""
        current, u, steps = self.first(4 * (x.flatten(1) - 0.5)), 0.0, []
        for step in range(STEPS):
            u = 0.5 * u + (1 + 0.1 * step) * current
            spikes = Spike.apply(u - 1)
            u = u * (1 - spikes)
            steps.append(spikes + torch.tanh(u))
        return torch.stack(steps)

    def forward(self, x: Tensor) -> Tensor:
        features, n = self.features(x), len(x)
        if self.manner == "a call per step":
            return torch.stack([self.last(step) for step in features]).mean(0)
        if self.manner == "(T, n, F)":
            return self.last(features).mean(0)
        by_image = features.transpose(0, 1)
        if self.manner == "(n, T, F)":
            return self.last(by_image).mean(1)
        if self.manner == "(T n, F)":
            return self.last(features.flatten(0, 1)).unflatten(0, (STEPS, n)).mean(0)
        return self.last(by_image.flatten(0, 1)).unflatten(0, (n, STEPS)).mean(1)


def folding_time(manner: Manner) -> nn.Module:
    """In eval mode."""
    return FoldingTime(manner).eval()


def images(n: int, seed: int = 1) -> Tensor:
    """``(n, 1, 6, 6)`` in [0, 1]."""
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed))
