"""A network of Norse."""

from __future__ import annotations

import norse.torch as norse
import torch
from torch import Tensor, nn

from strangers.twins import DECAY, THRESHOLD
from strangers.weights import STEPS, Layers

RATE = 1 - DECAY
"""Of a step, ``dt / tau``: the neurons scale their input by it."""


class LIFBox(nn.Module):
    """A ``SequentialState``, whose state is handed from step to step."""

    def __init__(self) -> None:
        super().__init__()
        layers = Layers("lif", gains=(1 / RATE, 1 / RATE))
        p = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(RATE / 1e-3), v_th=torch.tensor(THRESHOLD), alpha=5.0)
        self.model = norse.SequentialState(
            layers.conv1,
            norse.LIFBoxCell(p, dt=1e-3),
            nn.AvgPool2d(2),
            layers.conv2,
            norse.LIFBoxCell(p, dt=1e-3),
            nn.AvgPool2d(2),
            nn.Flatten(),
            layers.fc,
        )

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for _ in range(STEPS):
            out, state = self.model(x, state)
            outputs.append(out)
        return torch.stack(outputs).mean(0)
