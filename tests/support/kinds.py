"""Ways in which a model hides from attacks, around a small network that falls to 0: the truth of each is known.

``Network`` is a convolutional network with random weights. With labels of its own and pixels that move by 0.1 it keeps
nothing, so whatever a wrapped one keeps beyond what its wrapper truly defends is not robustness.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = "0.1"
SIDE = 8


class Network(nn.Module):
    """``(n, 1, 8, 8)`` to ``(n, 4)``."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        shapes = [(8, 1, 3, 3), (8, 8, 3, 3)]
        self.kernels = nn.ParameterList(
            nn.Parameter(torch.randn(shape, generator=generator) / (shape[1] * 9) ** 0.5 * 2) for shape in shapes
        )
        self.read = nn.Parameter(torch.randn(4, 8 * SIDE * SIDE, generator=generator) / 8)

    def forward(self, x: Tensor) -> Tensor:
        hidden = x - 0.5
        for kernel in self.kernels:
            hidden = F.relu(F.conv2d(hidden, kernel, padding=1))
        return hidden.flatten(1) @ self.read.T


def images(n: int, seed: int = 2) -> Tensor:
    """``(n, 1, 8, 8)`` of 8-bit values in [0.2, 0.8]."""
    return torch.randint(51, 205, (n, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(seed)).float() / 255


def data(n: int = 16) -> tuple[Tensor, Tensor]:
    """Images with the network's own decisions."""
    x = images(n)
    with torch.no_grad():
        return x, Network()(x).argmax(1)


class Honest(nn.Module):
    """Nothing is hidden; other kinds change what goes in or comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Network()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


class _Flip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        signs = torch.ones_like(grad)
        signs.flatten(1)[:, ::2] = -1
        return grad * signs


class SignFlips(Honest):
    """The gradient of every other pixel has the wrong sign."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_Flip.apply(x))


class AnothersGradient(Honest):
    """Answers of one network with the gradient of another."""

    def __init__(self) -> None:
        super().__init__()
        self.other = Network(seed=5)

    def forward(self, x: Tensor) -> Tensor:
        wrong = self.other(x)
        return wrong - wrong.detach() + super().forward(x).detach()


class Memory(Honest):
    """Right with certainty on images that it has seen, exactly as they are; elsewhere a network that was never trained."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", data()[0].flatten(1))
        self.register_buffer("labels", data()[1])
        self.other = Network(seed=7)

    def forward(self, x: Tensor) -> Tensor:
        distance = torch.cdist(x.flatten(1), self.get_buffer("seen"))
        nearest = distance.argmin(1)
        known = (distance.amin(1) < 1e-3)[:, None]
        answer: Tensor = self.other(x)
        return torch.where(known, 20.0 * F.one_hot(self.get_buffer("labels")[nearest], 4), answer)


class Ties(Honest):
    """Logits in whole steps: equal ones are common, and the first of them decides."""

    def forward(self, x: Tensor) -> Tensor:
        return (2 * super().forward(x)).round() / 2


class OneHot(Honest):
    """Says its class and nothing else."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return F.one_hot(logits.argmax(1), 4).to(x) + 0 * logits


class Quantised(Honest):
    """Sees 5 bits of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x * 31).round() / 31)


class Smoothed(Honest):
    """Sees a blurred image: a true, weak defence with a true gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))


class EarlyExit(Honest):
    """Where a first network is sure, it answers alone, and ten times as loud."""

    def __init__(self) -> None:
        super().__init__()
        self.early = Network(seed=3)

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        top = early.topk(2, 1).values
        sure = (top[:, 0] - top[:, 1] > 1.5)[:, None]
        return torch.where(sure, 10 * early, super().forward(x))


class HalfPrecision(Honest):
    """Computes in bfloat16 inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner.bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.bfloat16()).float()


class EightBitDetector(Honest):
    """Looks whether an image is one of 8 bits; of any other it sees a coarse copy, on which small changes are lost."""

    def forward(self, x: Tensor) -> Tensor:
        levels = x.detach() * 255
        genuine = ((levels - levels.round()).abs() < 1e-2).flatten(1).all(1).view(-1, 1, 1, 1)
        coarse = (x.detach() * 3).round() / 3
        return super().forward(torch.where(genuine, x, coarse))


class DeclaredNoise(Honest):
    """Adds noise to its input and says so."""

    stochastic = True

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.05 * torch.randn_like(x))


class UndeclaredNoise(DeclaredNoise):
    """Adds the same noise and does not say so."""

    stochastic = False


class Ripple(Honest):
    """A fine wave along one direction on every logit: steep, and without meaning for a step of the attack's size."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("along", torch.randn(SIDE * SIDE, 1, generator=torch.Generator().manual_seed(9)))

    def forward(self, x: Tensor) -> Tensor:
        wave = torch.sin(3e3 * (x.flatten(1) @ self.get_buffer("along"))) * torch.tensor([[1.0, -1.0, 0.5, -0.5]]).to(x)
        return super().forward(x) + 0.02 * wave


class Loud(Honest):
    """Logits of ten thousand times the size."""

    def forward(self, x: Tensor) -> Tensor:
        return 1e4 * super().forward(x)


class HalfBlind(Honest):
    """No gradient on every other pixel."""

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.zeros_like(x)
        mask.flatten(1)[:, ::2] = 1
        return super().forward(mask * x + ((1 - mask) * x).detach())
