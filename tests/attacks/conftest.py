"""Small models and batches on which every attack is tried, in float64: rounding is far below any claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.exact import RowByRow
from torch import Tensor, nn

from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from zoo.spiking.neurons import LIF


class Smooth(nn.Module):
    """A convolution, a wavy nonlinearity and a linear read-out: ``(n, 2, 4, 4)`` to ``(n, 5)``."""

    def __init__(self, *, seed: int = 0, gain: float = 2.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.filters = nn.Parameter(torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64) * gain / 3)
        self.read = nn.Parameter(torch.randn(5, 64, generator=generator, dtype=torch.float64) / 4)
        self.register_buffer("shift", torch.full((), 0.5, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(nn.functional.conv2d(x - self.shift, self.filters, padding=1)).flatten(1) @ self.read.T


class Spiking(nn.Module):
    """Two layers of spiking neurons over five steps: ``(n, 2, 4, 4)`` to ``(n, 5)``."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.hidden = nn.Parameter(torch.randn(24, 32, generator=generator, dtype=torch.float64) / 4)
        self.read = nn.Parameter(torch.randn(5, 24, generator=generator, dtype=torch.float64))
        self.encode, self.fire = LIF(threshold=0.7, reset="soft"), LIF(decay=0.5, start=0.1)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.encode(x.flatten(1).expand(5, -1, -1))
        return self.fire(spikes @ self.hidden.T).mean(0) @ self.read.T


@pytest.fixture
def smooth() -> Callable[..., nn.Module]:
    """Builds a frozen smooth network."""

    def build(**settings: Any) -> nn.Module:
        return Smooth(**settings).eval().requires_grad_(False)

    return build


@pytest.fixture
def spiking() -> Callable[..., nn.Module]:
    """Builds a frozen spiking network."""

    def build(**settings: Any) -> nn.Module:
        return Spiking(**settings).eval().requires_grad_(False)

    return build


@pytest.fixture
def row_by_row() -> Callable[[nn.Module], nn.Module]:
    """Wraps a model so that its arithmetic is the same in any batch."""
    return RowByRow


@pytest.fixture
def images() -> Callable[..., Tensor]:
    """Builds a batch of images, some of whose pixels lie on the edge of the box."""

    def build(n: int = 6, shape: tuple[int, ...] = (2, 4, 4), seed: int = 1) -> Tensor:
        drawn = torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return (1.2 * drawn - 0.1).clamp(0, 1)

    return build


@pytest.fixture
def oracle_of() -> Callable[..., ModelOracle]:
    """Builds an oracle; the labels are the model's own predictions unless given, so nothing starts broken."""

    def build(model: nn.Module, x: Tensor, labels: Tensor | None = None, **settings: Any) -> ModelOracle:
        if labels is None:
            with torch.no_grad():
                labels = model(x).argmax(1)
        return ModelOracle.of(model, labels, **settings)

    return build


@pytest.fixture
def streams() -> Callable[..., KeyedRng]:
    """Builds the streams of the samples ``0 .. n-1``, or of given ids."""

    def build(n: int | Tensor, seed: int = 0) -> KeyedRng:
        return KeyedRng.of(seed, torch.arange(n) if isinstance(n, int) else n)

    return build


@pytest.fixture
def starting_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tensor], None]:
    """Lets every random start of our gradient walks be the given points ``(n, ...)``, such as those of another library."""

    def begin(points: Tensor) -> None:
        for kind in (Linf, L2):
            monkeypatch.setattr(kind, "random", lambda threat, x, rng: points.clone())

    return begin
