"""A gradient that is the derivative of its forward passes, in either precision; a made-up one does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.slope import slope_of

X = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 5)).eval()


class OnlyFloat32(nn.Module):
    """Computes in float32 whatever it is given, as hand-written spikes do."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            raise RuntimeError("expected float32")
        outputs: Tensor = self.inner(x)
        return outputs


class _Backwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


class Turned(nn.Module):
    """The gradient's sign is turned round on its way."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.inner(_Backwards.apply(x))
        return outputs


@pytest.mark.parametrize("wrap", [lambda m: m, OnlyFloat32])
def test_an_ordinary_network_passes(wrap: Any) -> None:
    slope = slope_of(wrap(network()), X)
    assert slope.error is not None and slope.error < 0.1 and not slope.is_made_up


@pytest.mark.parametrize("wrap", [Turned, lambda m: OnlyFloat32(Turned(m))])
def test_a_gradient_of_another_sign_does_not(wrap: Any) -> None:
    slope = slope_of(wrap(network()), X)
    assert slope.error == pytest.approx(2, abs=0.1) and slope.is_made_up


def test_what_cannot_be_compared_says_why() -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no such thing")

    assert slope_of(Fails(), X).reason == "ValueError: no such thing"
    flat = nn.Sequential(nn.Flatten(), nn.Linear(36, 2)).eval()
    nn.init.zeros_(flat[1].weight)
    assert slope_of(flat, X).reason == "its gradient is zero"


def test_a_model_that_casts_to_float32_inside_is_compared_in_float32() -> None:
    """Its float64 answers are those of float32, in which a step of 1e-6 is rounding."""

    class Casts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = [torch.randn(3072, 5, generator=torch.Generator().manual_seed(0)) / 55]

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x.float().flatten(1) @ self.weights[0]).to(x.dtype)

    slope = slope_of(Casts(), torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert slope.error is not None and slope.error < 0.1


def test_a_model_that_remembers_its_last_call_has_no_slope_to_compare() -> None:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.before = network(), 0.0

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.inner(x) + self.before
            self.before += 1.0
            return outputs

    assert slope_of(Remembers(), X).reason == "ValueError: two calls with the same inputs differ"
