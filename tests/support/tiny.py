"""Models and images small enough to evaluate in milliseconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SHAPE = (1, 3, 3)
CLASSES = 3


class Linear(nn.Module):
    """``(n, 1, 3, 3)`` to ``(n, 3)``, linear; BatchNorm and a half-frozen read-out give it state that can be disturbed."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.norm = nn.BatchNorm2d(1)
        self.read = nn.Linear(9, CLASSES)
        with torch.no_grad():
            self.read.weight.copy_(torch.randn(CLASSES, 9, generator=generator))
            self.read.bias.zero_()
        self.read.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.read((self.norm(x) - 0.5).flatten(1))
        return logits


class Noisy(nn.Module):
    """A linear model with noise on its logits, drawn from torch's global generator: unkeyed, as users write it."""

    def __init__(self, *, size: float = 1.0) -> None:
        super().__init__()
        self.inner = Linear()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits + self.size * torch.randn(logits.shape)


def images(n: int, *, seed: int = 1) -> Tensor:
    """``(n, 1, 3, 3)`` of 8-bit values in [0, 1]."""
    return torch.randint(256, (n, *SHAPE), generator=torch.Generator().manual_seed(seed)).float() / 255


def labelled(model: nn.Module, n: int, *, wrong: int = 0) -> tuple[Tensor, Tensor]:
    """Images with the labels ``model`` gives them, but for the first ``wrong``."""
    x = images(n)
    was_training = model.training
    with torch.no_grad():
        y = model.eval()(x).argmax(1)
    model.train(was_training)
    y[:wrong] = (y[:wrong] + 1) % CLASSES
    return x, y
