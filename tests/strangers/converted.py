"""Networks converted from ones without spikes, in the manner of the code of QCFS (Bu et al., ICLR 2022) and SRP (Hao et al.,
AAAI 2023): thresholds stay in the neurons, which send spikes of that height, and run one step a call.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from strangers.weights import STEPS, Layers, weights_of
from zoo.conversion.srp import SILENT_BELOW


class ZIF(torch.autograd.Function):
    """A step of the distance to the threshold; its slope is a triangle."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor, gama: float) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.gama = gama
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return grad * (ctx.gama - distance.abs()).clamp(min=0) / ctx.gama**2, None


class IF(nn.Module):
    """Neurons that start at half their threshold and are reset by subtraction; ``mask`` silences some."""

    def __init__(self, thresh: Tensor) -> None:
        super().__init__()
        self.thresh = nn.Parameter(thresh.clone())
        self.act, self.gama = ZIF.apply, 1.0
        self.start()

    def start(self) -> None:
        self.mem: Tensor | None = None
        self.mask: Tensor | None = None

    def silence(self) -> None:
        """Start anew, without those whose potential has come out at zero or below."""
        assert self.mem is not None
        self.mem, self.mask = None, self.mem > SILENT_BELOW * self.thresh

    def forward(self, x: Tensor) -> Tensor:
        before = 0.5 * self.thresh * torch.ones_like(x) if self.mem is None else self.mem
        mem = before + x
        spike = self.act(mem - self.thresh, self.gama) * self.thresh
        self.mem = mem - spike
        return spike if self.mask is None else spike * self.mask


class QCFSNet(Layers):
    """Step by step, time outermost."""

    def __init__(self) -> None:
        first, second = weights_of("qcfs")["thresholds"]
        super().__init__("qcfs", gains=(float(first), float(second)))
        self.if1, self.if2 = IF(first), IF(second)
        with torch.no_grad():
            self.conv2.weight /= first
            self.fc.weight /= second

    def step(self, x: Tensor) -> Tensor:
        h = self.pool(self.if1(self.conv1(x)))
        h = self.pool(self.if2(self.conv2(h)))
        return self.fc(h.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        self.if1.start()
        self.if2.start()
        return sum(self.step(x) for _ in range(STEPS)) / STEPS


class SRPNet(QCFSNet):
    """As many steps of calibration first, without a graph, which silence neurons."""

    def forward(self, x: Tensor) -> Tensor:
        self.if1.start()
        self.if2.start()
        with torch.no_grad():
            for _ in range(STEPS):
                self.step(x)
            self.if1.silence()
            self.if2.silence()
        return sum(self.step(x) for _ in range(STEPS)) / STEPS


class SRPWithoutGraph(SRPNet):
    """The whole under ``no_grad``, as code for evaluation is."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)
