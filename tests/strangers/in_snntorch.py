"""Networks of snnTorch."""

from __future__ import annotations

from typing import Any

import snntorch as snn
import torch
from snntorch import surrogate, utils
from torch import Tensor

from strangers.twins import ALPHA, BETA, DECAY, THRESHOLD
from strangers.weights import STEPS, Layers


class Leaky(Layers):
    """The state is handed from step to step. kind, reset: ``lif`` with ``zero``, or ``delayed`` with ``subtract``."""

    def __init__(self, kind: str = "lif", reset: str = "zero") -> None:
        super().__init__(kind)
        settings: dict[str, Any] = {"beta": DECAY, "threshold": THRESHOLD, "reset_mechanism": reset}
        self.lif1 = snn.Leaky(spike_grad=surrogate.fast_sigmoid(slope=5), **settings)
        self.lif2 = snn.Leaky(spike_grad=surrogate.fast_sigmoid(slope=5), **settings)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        cur3_rec = []
        for _ in range(STEPS):
            spk1, mem1 = self.lif1(self.conv1(x), mem1)
            spk2, mem2 = self.lif2(self.conv2(self.pool(spk1)), mem2)
            cur3_rec.append(self.fc(self.pool(spk2).flatten(1)))
        return torch.stack(cur3_rec, dim=0).mean(0)


class Synaptic(Layers):
    """The state is hidden in the neurons, which ``utils.reset`` empties."""

    def __init__(self) -> None:
        super().__init__("synaptic")
        settings: dict[str, Any] = {"alpha": ALPHA, "beta": BETA, "init_hidden": True}
        settings |= {"reset_mechanism": "zero", "reset_delay": False}
        self.syn1, self.syn2 = snn.Synaptic(**settings), snn.Synaptic(**settings)

    def forward(self, x: Tensor) -> Tensor:
        utils.reset(self)
        total = 0.0
        for _ in range(STEPS):
            h = self.pool(self.syn1(self.conv1(x)))
            total = total + self.fc(self.pool(self.syn2(self.conv2(h))).flatten(1))
        return total / STEPS
