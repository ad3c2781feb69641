"""Models whose true robustness is known: each hides it from attacks in another way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import zoo
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.surrogates import Surrogate
from zoo.spiking.network import over_time
from zoo.spiking.neurons import LIF


class Around(nn.Module):
    """A model that does something to the images or the logits of another."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


def undefended() -> nn.Module:
    """Falls to about 0."""
    return zoo.load("snn_vanilla")


def vanishing_surrogate() -> nn.Module:
    """The same network, whose own surrogate is so narrow that hardly any gradient passes."""
    model = zoo.load("snn_vanilla")
    for layer in model.modules():
        if isinstance(layer, LIF):
            layer.own_gradient = ThroughTime(Surrogate("triangle", 1e-4), attached=True)
    return model


class Saturated(Around):
    """Logits so large that the softmax is 1 and the gradient of the cross-entropy 0."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = 1e5 * self.inner(x)
        return logits


class Gated(Around):
    """Each call blanks a random fiftieth of the image; declared stochastic."""

    stochastic = True

    def forward(self, x: Tensor) -> Tensor:
        gate = (torch.rand(len(x), 1, *x.shape[2:], device=x.device) > 0.02).to(x)
        logits: Tensor = self.inner(gate * x)
        return logits


class _Foreign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad / (1 + x.abs()) ** 2


class _ForeignBody(nn.Module):
    """The layers of another body, with neurons of hard reset as somebody else would write them."""

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Identity() if isinstance(layer, LIF) else layer for layer in body)
        self.dynamics = [layer.dynamics if isinstance(layer, LIF) else None for layer in body]

    def forward(self, x: Tensor) -> Tensor:
        for layer, dynamics in zip(self.layers, self.dynamics, strict=True):
            if dynamics is None:
                x = over_time(layer, x)
                continue
            potential, spikes = torch.zeros_like(x[0]), []
            for current in x:
                potential = dynamics.decay * potential + current
                spikes.append(_Foreign.apply(potential - dynamics.threshold))
                potential = potential * (1 - spikes[-1])
            x = torch.stack(spikes)
        return x


def foreign_neurons() -> nn.Module:
    """The same network with neurons of the author's own make, and a slope of his own: no layer takes a path."""
    model: Any = zoo.load("snn_vanilla")
    model.body = _ForeignBody(model.body)
    twin: nn.Module = model
    return twin


class Thresholded(nn.Module):
    """A linear model of ``x > 0.5``: no gradient at all, but pixels near 0.5 flip at a touch."""

    def __init__(self, features: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear = nn.Linear(features, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear((x.flatten(1) > 0.5).to(x) - 0.5)
        return logits + 0 * x.flatten(1)[:, :2]


class _Raises(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if bool((x.flatten(1).mean(1) > 0.55).any()):
            raise RuntimeError("no gradient for bright images")
        return grad


class Crashing(Around):
    """Its gradient raises as soon as one image of the batch is bright."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(_Raises.apply(x))
        return logits


class _NaN(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        bright = (x.flatten(1).mean(1) > 0.55).view(-1, *([1] * (x.dim() - 1)))
        return torch.where(bright, torch.nan, grad)


class NotANumber(Around):
    """Its gradient is NaN on bright images."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(_NaN.apply(x))
        return logits


class Social(Around):
    """Subtracts the batch's mean image: every decision depends on the company."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner((x - x.mean(0, keepdim=True) + 0.5).clamp(0, 1))
        return logits


def memoryless() -> nn.Module:
    """A leak of 0: nothing is carried over, so every step of a constant image is the same."""
    model = zoo.load("snn_vanilla")
    for layer in model.modules():
        if isinstance(layer, LIF):
            layer.dynamics = type(layer.dynamics)(decay=0.0, threshold=0.5, reset="hard")
            layer.own_gradient = ThroughTime(Surrogate("rectangle", 0.02), attached=True)
    return model


class Steady(nn.Module):
    """Truly robust at small radii: the mean of the image decides, far from the border."""

    def forward(self, x: Tensor) -> Tensor:
        value = 10 * (x.flatten(1).mean(1) - 0.5)
        return torch.stack([-value, value], 1)
