"""Quantisation-clip-floor-shift activation (QCFS; Bu et al., ICLR 2022, arXiv 2303.04347), and a source network of it.

    a = threshold * clip(floor(L z / threshold + 1/2) / L, 0, 1)

with a learnable threshold per layer. It is the mean output over L steps of an integrate-and-fire neuron
with soft reset, this threshold, and half of it as starting potential, under a constant current z.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from zoo.architectures.blocks import Normalise
from zoo.conversion.bodies import body_of
from zoo.spiking.network import over_time
from zoo.spiking.readouts import MeanLogits


class _Staircase(torch.autograd.Function):
    """``a = _Staircase.apply(z, threshold, levels)``; straight through the floor, exact elsewhere."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, threshold: Tensor, levels: int) -> Tensor:
        ctx.save_for_backward(z, threshold)
        ctx.levels = levels
        return _staircase(z / threshold, levels).mul_(threshold)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        z, threshold = ctx.saved_tensors
        share = z / threshold
        inside = (share >= 0) & (share <= 1)
        to_threshold = None
        if ctx.needs_input_grad[1]:
            # What quantisation adds inside the ramp, 1 above it, 0 below it.
            to_threshold = (grad * _staircase(share, ctx.levels).sub_(share.mul_(inside))).sum()
        return grad * inside, to_threshold, None


def _staircase(share: Tensor, levels: int) -> Tensor:
    return (share * levels).add_(0.5).floor_().clamp_(0, levels).div_(levels)


class QCFS(nn.Module):
    """The activation, on tensors of any shape.

    levels: L, the values above zero. threshold: its initial value, larger than 0.
    In the backward the floor counts as the identity: the gradient passes where ``0 <= z <= threshold``.
    """

    def __init__(self, *, levels: int = 4, threshold: float = 8.0) -> None:
        super().__init__()
        if levels < 1 or not threshold > 0:
            raise ValueError(f"levels and threshold must be positive, got {levels} and {threshold}")
        self.levels = levels
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))

    def forward(self, z: Tensor) -> Tensor:
        """Activations for currents ``z`` of any shape."""
        a: Tensor = _Staircase.apply(z, self.threshold, self.levels)
        return a

    def extra_repr(self) -> str:
        """Arguments for ``repr``."""
        return f"levels={self.levels}, threshold={float(self.threshold.detach()):.3g}"


class Source(nn.Module):
    """A network with an activation that can be converted: ``(N, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``.

    levels, threshold: arguments of :class:`QCFS`. network, shape: see :func:`~zoo.conversion.bodies.body_of`; the others as
    of :class:`~zoo.architectures.compact.Compact`. ``built`` holds all but the first two, for a twin of the same shape.
    """

    def __init__(
        self,
        *,
        levels: int = 4,
        threshold: float = 8.0,
        network: str = "compact",
        classes: int = 10,
        channels: int = 3,
        mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
        std: tuple[float, ...] = (0.247, 0.2435, 0.2616),
        **shape: Any,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.body, features = body_of(network, lambda: self.activation(levels, threshold), channels=channels, **shape)
        self.readout = MeanLogits(features, classes)
        self.built: dict[str, Any] = {
            "network": network,
            "classes": classes,
            "channels": channels,
            "mean": mean,
            "std": std,
            **shape,
        }

    def activation(self, levels: int, threshold: float) -> QCFS:
        """One activation layer."""
        return QCFS(levels=levels, threshold=threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of images ``(N, 3, 32, 32)`` in [0, 1]."""
        logits: Tensor = self.readout(self.body(over_time(self.normalise, x[None])))
        return logits


def ann_qcfs(**arguments: Any) -> nn.Module:
    """A :class:`Source`, its weights in channels-last order."""
    model: nn.Module = Source(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
