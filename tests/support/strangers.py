"""Spiking networks as other people write them, all with the weights and the dynamics of one network of ours.

Two layers of neurons between three linear ones, four time steps, logits averaged over time: ``(n, 2, 4, 4)`` to ``(n, 5)``.
What differs is the manner: where the loop over time is, how the step is called, what is handed to it, how the membrane is
reset. Each class says by ``reset_path`` whether its gradient flows through the reset.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.spiking.neurons import LIF

STEPS = 4


@dataclass(frozen=True)
class Recipe:
    """What all manners share. Weights ``(out, in)``, float64."""

    decay: float = 0.8
    threshold: float = 0.7
    reset: str = "hard"
    seed: int = 0

    def weights(self) -> list[Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        sizes = ((20, 32), (20, 20), (5, 20))
        return [torch.randn(*size, generator=generator, dtype=torch.float64) / size[1] ** 0.5 for size in sizes]


def native(recipe: Recipe, reset_path: str = "attached") -> nn.Module:
    """The network of ours."""
    return Native(recipe, reset_path).eval().requires_grad_(False)


class _Network(nn.Module):
    """Weights, and the current of the first layer."""

    reset_path = "attached"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.w1, self.w2, self.w3 = (nn.Parameter(w, requires_grad=False) for w in recipe.weights())

    def current(self, x: Tensor) -> Tensor:
        return F.linear(4 * (x.flatten(1) - 0.4), self.w1)


class Native(_Network):
    def __init__(self, recipe: Recipe, reset_path: str) -> None:
        super().__init__(recipe)
        settings: dict[str, Any] = {"decay": recipe.decay, "threshold": recipe.threshold, "reset": recipe.reset}
        self.first, self.second = (LIF(reset_path=reset_path, **settings) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.current(x).expand(STEPS, -1, -1))
        h = self.second(F.linear(2 * h, self.w2))
        return F.linear(h, self.w3).mean(0)


class Triangle(torch.autograd.Function):
    """A step at a threshold that is known to the class alone, of the potential itself."""

    threshold = 0.7

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v >= Triangle.threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return grad * (1 - (v - Triangle.threshold).abs()).clamp(min=0)


class ScaledArctan(torch.autograd.Function):
    """A step of the distance to the threshold, with a sharpness beside it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * ctx.alpha / 2 / (1 + (torch.pi / 2 * ctx.alpha * x) ** 2), None


class Window(torch.autograd.Function):
    """A step with its threshold beside it; a rectangle. In the manner of newer code: the context is set up apart."""

    @staticmethod
    def forward(v: Tensor, threshold: float = 1.0) -> Tensor:
        return v.ge(threshold).to(v.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.threshold = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (v,) = ctx.saved_tensors
        return grad * ((v - ctx.threshold).abs() < 0.5), None


class AgainstATensor(torch.autograd.Function):
    """A step of a potential at a threshold that is a tensor, which gets a gradient too."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: Tensor) -> Tensor:
        ctx.save_for_backward(v - threshold)
        return (v >= threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        (x,) = ctx.saved_tensors
        slope = grad * (1 - x.abs()).clamp(min=0)
        return slope, -slope


class SpikeAndMembrane(torch.autograd.Function):
    """A step that hands back the potential after a detached hard reset as well."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        spikes = (v >= threshold).to(v.dtype)
        ctx.save_for_backward(v, spikes)
        ctx.threshold = threshold
        return v * (1 - spikes), spikes

    @staticmethod
    def backward(ctx: Any, grad_membrane: Tensor, grad_spikes: Tensor) -> tuple[Tensor, None]:
        v, spikes = ctx.saved_tensors
        slope = (1 - (v - ctx.threshold).abs()).clamp(min=0)
        return grad_spikes * slope + grad_membrane * (1 - spikes), None


class CellOverTime(nn.Module):
    """A layer that runs all time steps."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe

    def forward(self, currents: Tensor) -> Tensor:
        v, out = torch.zeros_like(currents[0]), []
        for current in currents:
            v = self.recipe.decay * v + current
            spikes = Triangle.apply(v)
            out.append(spikes)
            v = v * (1 - spikes) if self.recipe.reset == "hard" else v - self.recipe.threshold * spikes
        return torch.stack(out)


class ModulePerLayer(_Network):
    """A module per layer, time inside; the step is given the potential; reset attached."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.first, self.second = CellOverTime(recipe), CellOverTime(recipe)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.current(x).expand(STEPS, -1, -1))
        return F.linear(self.second(F.linear(2 * h, self.w2)), self.w3).mean(0)


class LoopOverLayers(_Network):
    """Time outermost, a list of states, one line for all layers; the step is given the distance; reset detached."""

    reset_path = "detached"

    def forward(self, x: Tensor) -> Tensor:
        states: list[Tensor | None] = [None, None]
        total = torch.zeros((), dtype=x.dtype)
        for _ in range(STEPS):
            h = self.current(x)
            for i in range(2):
                before = states[i]
                v = h if before is None else self.recipe.decay * before + h
                s = fire(v, self.recipe.threshold)
                still = s.detach()
                states[i] = v * (1 - still) if self.recipe.reset == "hard" else v - self.recipe.threshold * still
                h = F.linear(2 * s, self.w2) if i == 0 else s
            total = total + F.linear(h, self.w3)
        return total / STEPS


def fire(v: Tensor, thresh: float) -> Tensor:
    """A helper between the layers and the Function."""
    spikes: Tensor = ScaledArctan.apply(v - thresh, 2.0)
    return spikes


def at_zero(x: Tensor) -> Tensor:
    """A helper that knows of no threshold."""
    spikes: Tensor = ScaledArctan.apply(x, 2.0)
    return spikes


class KeptState(nn.Module):
    """A layer that runs one step a call and remembers; the step is kept in an attribute."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.v_th = recipe, recipe.threshold
        self.act = ScaledArctan.apply
        self.mem: Tensor | float = 0.0

    def forward(self, current: Tensor) -> Tensor:
        mem = self.recipe.decay * self.mem + current
        spikes: Tensor = self.act(mem - self.v_th, 4.0)
        self.mem = mem * (1 - spikes) if self.recipe.reset == "hard" else mem - self.v_th * spikes
        return spikes


class AttributeApply(_Network):
    """Time outermost over stateful layers, which the network resets; reset attached."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.first, self.second = KeptState(recipe), KeptState(recipe)

    def forward(self, x: Tensor) -> Tensor:
        self.first.mem = self.second.mem = 0.0
        outputs = [F.linear(self.second(F.linear(2 * self.first(self.current(x)), self.w2)), self.w3) for _ in range(STEPS)]
        return torch.stack(outputs).mean(0)


class DelayedReset(_Network):
    """``mem = decay * mem * (1 - spike) + x``: the spikes of the step before reset the membrane; attached; hard only."""

    act = staticmethod(functools.partial(Window.apply))

    def update(self, weight: Tensor, x: Tensor, mem: Tensor, spike: Tensor) -> tuple[Tensor, Tensor]:
        mem = mem * self.recipe.decay * (1 - spike) + F.linear(x, weight)
        return mem, self.act(mem, self.recipe.threshold)

    def forward(self, x: Tensor) -> Tensor:
        x = 4 * (x.flatten(1) - 0.4)
        m1 = s1 = m2 = s2 = torch.zeros(len(x), 20, dtype=x.dtype)
        total = torch.zeros((), dtype=x.dtype)
        for _ in range(STEPS):
            m1, s1 = self.update(self.w1, x, m1, s1)
            m2, s2 = self.update(self.w2, 2 * s1, m2, s2)
            total = total + F.linear(s2, self.w3)
        return total / STEPS


class ClassMadeOnTheWay(_Network):
    """The Function is a class that every call makes anew; reset attached."""

    def spike(self, v: Tensor) -> Tensor:
        threshold = self.recipe.threshold

        class Heavy(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, v: Tensor) -> Tensor:
                ctx.save_for_backward(v)
                return (v > threshold).to(v.dtype)

            @staticmethod
            def backward(ctx: Any, grad: Tensor) -> Tensor:
                (v,) = ctx.saved_tensors
                return grad * torch.exp(-(v - threshold).abs())

        spikes: Tensor = Heavy.apply(v)
        return spikes

    def layer(self, currents: list[Tensor]) -> list[Tensor]:
        v, out = torch.zeros_like(currents[0]), []
        for current in currents:
            v = self.recipe.decay * v + current
            out.append(self.spike(v))
            v = v * (1 - out[-1]) if self.recipe.reset == "hard" else v - self.recipe.threshold * out[-1]
        return out

    def forward(self, x: Tensor) -> Tensor:
        first = self.layer([self.current(x)] * STEPS)
        second = self.layer([F.linear(2 * s, self.w2) for s in first])
        return torch.stack([F.linear(s, self.w3) for s in second]).mean(0)


class ThresholdAsTensor(_Network):
    """The threshold is a parameter per neuron, handed over beside the potential; reset attached."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.thresholds = nn.Parameter(torch.full((20,), recipe.threshold, dtype=torch.float64), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        v1 = v2 = torch.zeros((), dtype=x.dtype)
        total = torch.zeros((), dtype=x.dtype)
        for _ in range(STEPS):
            v1 = self.recipe.decay * v1 + self.current(x)
            s1 = AgainstATensor.apply(v1, self.thresholds)
            v1 = self.after(v1, s1)
            v2 = self.recipe.decay * v2 + F.linear(2 * s1, self.w2)
            s2 = AgainstATensor.apply(v2, self.thresholds)
            v2 = self.after(v2, s2)
            total = total + F.linear(s2, self.w3)
        return total / STEPS

    def after(self, v: Tensor, spikes: Tensor) -> Tensor:
        return v * (1 - spikes) if self.recipe.reset == "hard" else v - self.recipe.threshold * spikes


class TwoOutputs(_Network):
    """The Function hands back the membrane after the reset as well; reset detached, hard only."""

    reset_path = "detached"

    def forward(self, x: Tensor) -> Tensor:
        v1 = v2 = torch.zeros((), dtype=x.dtype)
        total = torch.zeros((), dtype=x.dtype)
        for _ in range(STEPS):
            v1, s1 = SpikeAndMembrane.apply(self.recipe.decay * v1 + self.current(x), self.recipe.threshold)
            v2, s2 = SpikeAndMembrane.apply(self.recipe.decay * v2 + F.linear(2 * s1, self.w2), self.recipe.threshold)
            total = total + F.linear(s2, self.w3)
        return total / STEPS


class ResetInPlace(_Network):
    """The membrane is overwritten after it fired, which a Function that saves its mask alone allows; reset detached."""

    reset_path = "detached"

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros((), dtype=x.dtype)
        v1, v2 = torch.zeros(len(x), 20, dtype=x.dtype), torch.zeros(len(x), 20, dtype=x.dtype)
        for _ in range(STEPS):
            v1, s1 = self.step(v1, self.current(x))
            v2, s2 = self.step(v2, F.linear(2 * s1, self.w2))
            total = total + F.linear(s2, self.w3)
        return total / STEPS

    def step(self, v: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
        v = self.recipe.decay * v + current
        spikes = OnlyItsMask.apply(v)
        if self.recipe.reset == "hard":
            v.masked_fill_(spikes.detach().bool(), 0.0)
        else:
            v.sub_(self.recipe.threshold * spikes.detach())
        return v, spikes


class ScaledSpikes(_Network):
    """Spikes as high as the threshold, as in converted networks: the same tensor is sent on and resets; reset attached."""

    def forward(self, x: Tensor) -> Tensor:
        threshold = self.recipe.threshold
        total = torch.zeros((), dtype=x.dtype)
        v1 = v2 = torch.zeros(len(x), 20, dtype=x.dtype)
        for _ in range(STEPS):
            v1, out1 = self.step(v1, self.current(x))
            v2, out2 = self.step(v2, F.linear(2 * out1, self.w2 / threshold))
            total = total + F.linear(out2, self.w3 / threshold)
        return total / STEPS

    def step(self, v: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
        v = self.recipe.decay * v + current
        out = self.recipe.threshold * fire(v, self.recipe.threshold)
        return (v * (1 - out / self.recipe.threshold) if self.recipe.reset == "hard" else v - out), out


class OnlyItsMask(torch.autograd.Function):
    """A step that keeps where its slope is not zero, and not the potential."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward((v - 0.7).abs() < 0.5)
        return (v >= 0.7).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (mask,) = ctx.saved_tensors
        return grad * mask


Manner = Callable[[Recipe], _Network]

MANNERS: dict[str, Manner] = {
    "module per layer": ModulePerLayer,
    "loop over layers": LoopOverLayers,
    "attribute": AttributeApply,
    "delayed reset": DelayedReset,
    "class made on the way": ClassMadeOnTheWay,
    "threshold as tensor": ThresholdAsTensor,
    "two outputs": TwoOutputs,
    "reset in place": ResetInPlace,
    "scaled spikes": ScaledSpikes,
}
HARD_ONLY = ("delayed reset", "two outputs")


def stranger(manner: str, recipe: Recipe) -> nn.Module:
    """The network written in ``manner``."""
    return MANNERS[manner](recipe).eval().requires_grad_(False)
