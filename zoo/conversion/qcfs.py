"""Quantisation-clip-floor-shift activation (QCFS; Bu et al., ICLR 2022, arXiv 2303.04347), and a source network of it.

    a = threshold * clip(floor(L z / threshold + 1/2) / L, 0, 1)

with a learnable threshold per layer. It is the mean output over L steps of an integrate-and-fire neuron
with soft reset, this threshold, and half of it as starting potential, under a constant current z.

In the backward the floor counts as the identity, and the rest is differentiated. The authors' second implementation clips
before the floor; the equation and their first implementation clip after it. Both give the same a, but the ramp, on which
the gradient passes, ends elsewhere:

    clipped    0 <= z / threshold <= 1
    paper      -1 / (2 L) <= z / threshold < 1 + 1 / (2 L)

On the ramp, da/dz = 1 and da/dthreshold = (a - z) / threshold; below it both are 0, above it they are 0 and 1.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from zoo.architectures.blocks import Normalise
from zoo.conversion.bodies import body_of
from zoo.spiking.network import over_time
from zoo.spiking.readouts import MeanLogits

Gradient = Literal["clipped", "paper"]


class _Staircase(torch.autograd.Function):
    """``a = _Staircase.apply(z, threshold, levels, margin)``; margin: 1 / (2 L) with the paper's ramp, else 0."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, threshold: Tensor, levels: int, margin: float) -> Tensor:
        ctx.save_for_backward(z, threshold)
        ctx.levels, ctx.margin = levels, margin
        return _staircase(z / threshold, levels).mul_(threshold)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        z, threshold = ctx.saved_tensors
        share = z / threshold
        below = share < 1 + ctx.margin if ctx.margin else share <= 1
        inside = (share >= -ctx.margin) & below
        to_threshold = None
        if ctx.needs_input_grad[1]:
            # What quantisation adds inside the ramp, 1 above it, 0 below it.
            to_threshold = (grad * _staircase(share, ctx.levels).sub_(share.mul_(inside))).sum(dtype=threshold.dtype)
        return grad * inside, to_threshold, None, None


def _staircase(share: Tensor, levels: int) -> Tensor:
    return (share * levels).add_(0.5).floor_().clamp_(0, levels).div_(levels)


class QCFS(nn.Module):
    """The activation, on tensors of any shape.

    levels: L, the values above zero. threshold: its initial value, larger than 0. gradient: where the ramp ends in backward.
    """

    def __init__(self, *, levels: int = 4, threshold: float = 8.0, gradient: Gradient = "clipped") -> None:
        super().__init__()
        if levels < 1 or not threshold > 0:
            raise ValueError(f"levels and threshold must be positive, got {levels} and {threshold}")
        if gradient not in get_args(Gradient):
            raise ValueError(f"unknown gradient {gradient!r}; known: {', '.join(get_args(Gradient))}")
        self.levels = levels
        self.margin = 0.5 / levels if gradient == "paper" else 0.0
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))

    def forward(self, z: Tensor) -> Tensor:
        """Activations for currents ``z`` of any shape."""
        a: Tensor = _Staircase.apply(z, self.threshold, self.levels, self.margin)
        return a

    def extra_repr(self) -> str:
        """Arguments for ``repr``."""
        return f"levels={self.levels}, threshold={float(self.threshold.detach()):.3g}"


class Source(nn.Module):
    """A network with an activation that can be converted: ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``.

    levels, threshold, gradient: arguments of :class:`QCFS`. network, shape: see :func:`~zoo.conversion.bodies.body_of`;
    the others as of :class:`~zoo.architectures.compact.Compact`. ``built`` holds all but the first three, for a twin of the
    same shape.
    """

    def __init__(
        self,
        *,
        levels: int = 4,
        threshold: float = 8.0,
        gradient: Gradient = "clipped",
        network: str = "compact",
        classes: int = 10,
        channels: int = 3,
        mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
        std: tuple[float, ...] = (0.247, 0.2435, 0.2616),
        **shape: Any,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(mean, std)
        quantised: dict[str, Any] = {"levels": levels, "threshold": threshold, "gradient": gradient}
        self.body, features = body_of(network, lambda: self.activation(**quantised), channels=channels, **shape)
        self.readout = MeanLogits(features, classes)
        self.built: dict[str, Any] = {
            "network": network,
            "classes": classes,
            "channels": channels,
            "mean": mean,
            "std": std,
            **shape,
        }

    def activation(self, **quantised: Any) -> QCFS:
        """One activation layer. quantised: arguments of :class:`QCFS`."""
        return QCFS(**quantised)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of images ``(N, 3, 32, 32)`` in [0, 1]."""
        logits: Tensor = self.readout(self.body(over_time(self.normalise, x[None])))
        return logits


def ann_qcfs(**arguments: Any) -> nn.Module:
    """A :class:`Source`, its weights in channels-last order."""
    model: nn.Module = Source(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
