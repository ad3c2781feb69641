"""Networks as in the repositories of papers: a loop over time, a spike function and its made-up slope, written by hand."""

from __future__ import annotations

from typing import Any

import torch
from support.strangers import CellOverTime, KeptState, Recipe
from torch import Tensor, nn

from strangers.twins import DECAY, THRESHOLD
from strangers.weights import STEPS, Layers

RECIPE = Recipe(decay=DECAY, threshold=THRESHOLD)


class TimeInside(Layers):
    """A module per layer of neurons that runs all steps; everything else on steps folded into the batch. A triangle."""

    def __init__(self) -> None:
        super().__init__("lif")
        self.lif1, self.lif2 = CellOverTime(RECIPE), CellOverTime(RECIPE)

    def forward(self, x: Tensor) -> Tensor:
        h = x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)
        h = self.lif1(self.over(self.conv1, h))
        h = self.lif2(self.over(self.conv2, self.over(self.pool, h)))
        return self.fc(self.over(self.pool, h).flatten(2)).mean(0)

    def over(self, layer: nn.Module, h: Tensor) -> Tensor:
        return layer(h.flatten(0, 1)).unflatten(0, h.shape[:2])


class TimeOutside(Layers):
    """Time outermost over neurons that remember; ``Function.apply`` kept in an attribute. An arctangent."""

    def __init__(self) -> None:
        super().__init__("lif")
        self.lif1, self.lif2 = KeptState(RECIPE), KeptState(RECIPE)

    def forward(self, x: Tensor) -> Tensor:
        self.lif1.mem = self.lif2.mem = 0.0
        outputs = []
        for _ in range(STEPS):
            h = self.pool(self.lif1(self.conv1(x)))
            h = self.pool(self.lif2(self.conv2(h)))
            outputs.append(self.fc(h.flatten(1)))
        return torch.stack(outputs, dim=1).mean(1)


class ActFun(torch.autograd.Function):
    """A step whose slope is a rectangle, with the casts to float32 that such code is full of."""

    @staticmethod
    def forward(ctx: Any, mem: Tensor, lens: float) -> Tensor:
        ctx.save_for_backward(mem)
        ctx.lens = lens
        return mem.gt(THRESHOLD).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (mem,) = ctx.saved_tensors
        near = torch.abs(mem - THRESHOLD) < ctx.lens
        return grad * near.float() / (2 * ctx.lens), None


class MemUpdate(Layers):
    """One update function for all layers, states in local variables, the reset a step later. A rectangle.

    lens: half its width.
    """

    def __init__(self, lens: float = 0.5) -> None:
        super().__init__("lif")
        self.lens = lens

    def mem_update(self, ops: nn.Module, x: Tensor, mem: Tensor, spike: Tensor) -> tuple[Tensor, Tensor]:
        mem = mem * DECAY * (1.0 - spike) + ops(x)
        return mem, ActFun.apply(mem, self.lens)

    def forward(self, x: Tensor) -> Tensor:
        c1_mem = c1_spike = torch.zeros(len(x), 12, 16, 16, device=x.device)
        c2_mem = c2_spike = torch.zeros(len(x), 24, 8, 8, device=x.device)
        out_sum = torch.zeros(len(x), 10, device=x.device)
        for _ in range(STEPS):
            c1_mem, c1_spike = self.mem_update(self.conv1, x.float(), c1_mem, c1_spike)
            c2_mem, c2_spike = self.mem_update(self.conv2, self.pool(c1_spike), c2_mem, c2_spike)
            out_sum += self.fc(self.pool(c2_spike).view(len(x), -1))
        return out_sum / STEPS


class StraightThrough(Layers):
    """No spike function: a comparison, with the slope of a sigmoid added and subtracted again."""

    def __init__(self) -> None:
        super().__init__("lif")

    def fire(self, mem: Tensor) -> Tensor:
        soft = torch.sigmoid(4.0 * (mem - THRESHOLD))
        hard = (mem >= THRESHOLD).to(mem.dtype)
        return hard + soft - soft.detach()

    def forward(self, x: Tensor) -> Tensor:
        mem1 = mem2 = 0.0
        total = 0.0
        for _ in range(STEPS):
            mem1 = DECAY * mem1 + self.conv1(x)
            spike1 = self.fire(mem1)
            mem1 = mem1 * (1 - spike1.detach())
            mem2 = DECAY * mem2 + self.conv2(self.pool(spike1))
            spike2 = self.fire(mem2)
            mem2 = mem2 * (1 - spike2.detach())
            total = total + self.fc(self.pool(spike2).flatten(1))
        return total / STEPS
