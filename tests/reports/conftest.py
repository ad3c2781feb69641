"""Records made by the evaluator itself, on a tiny model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.tasks.record import Record


class Linear(nn.Module):
    """Two classes, by the sum of the pixels."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, x: Tensor) -> Tensor:
        total = x.flatten(1).mean(1) - 0.5 + self.bias
        return torch.stack([-total, total], 1)


@pytest.fixture
def record() -> Callable[..., Record]:
    """A record of 40 random images; ``bias`` shifts the model."""
    images = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = (images.flatten(1).mean(1) > 0.5).long()

    def make(*, bias: float = 0.0, eps: str = "0.01,0.1", **settings: object) -> Record:
        return bench.evaluate(Linear(bias), data=(images, labels), eps=eps, **({"attack": "fgsm"} | settings))

    return make
