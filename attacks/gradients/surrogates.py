"""Stand-ins for the derivative of the Heaviside step.

Each is a bump ``g`` around zero, applied to the distance ``x = (u - th) / th`` of the
membrane potential from the threshold, in units of the threshold. All have one ``width``;
where the field writes a sharpness ``alpha`` (or ``k``, ``b``) instead, ``width = 1 / alpha``.
All but ``exponential`` (area ``2 * width``), ``fast_sigmoid`` (``2 * width``) and
``straight_through`` integrate to one.
Attacks that take a sign ignore the scale of one layer, but products of layers do
not: the width decides which units let a gradient through.

These functions take tensors of any shape and overwrite them, as ``slope_`` does, because a backward through time calls it
once per step and layer, and on a CPU a fresh tensor costs more than the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def rectangle(x: Tensor, width: float) -> Tensor:
    """``1/w`` for ``|x| < w/2`` (Wu et al., 2018)."""
    return x.abs_().lt_(width / 2).mul_(1 / width)


def triangle(x: Tensor, width: float) -> Tensor:
    """``max(0, w - |x|) / w^2`` (Bellec et al., 2018)."""
    return x.abs_().clamp_max_(width).neg_().add_(width).mul_(1 / width**2)


def atan(x: Tensor, width: float) -> Tensor:
    """``(a/2) / (1 + (pi a x / 2)^2)``, ``a = 1/w`` (Fang et al., 2021)."""
    return x.mul_(math.pi / (2 * width)).square_().add_(1).reciprocal_().mul_(0.5 / width)


def sigmoid(x: Tensor, width: float) -> Tensor:
    """``a s(ax) (1 - s(ax))``, ``a = 1/w``, s the logistic function."""
    x.mul_(1 / width).sigmoid_()
    return x.addcmul_(x, x, value=-1).mul_(1 / width)


def fast_sigmoid(x: Tensor, width: float) -> Tensor:
    """``1 / (1 + k|x|)^2``, ``k = 1/w`` (Zenke and Ganguli, 2018)."""
    return x.abs_().mul_(1 / width).add_(1).square_().reciprocal_()


def exponential(x: Tensor, width: float) -> Tensor:
    """``exp(-b|x|)``, ``b = 1/w`` (Shrestha and Orchard, 2018)."""
    return x.abs_().mul_(-1 / width).exp_()


def gaussian(x: Tensor, width: float) -> Tensor:
    """Normal density with standard deviation ``w``."""
    return x.square_().mul_(-0.5 / width**2).exp_().mul_(1 / (width * math.sqrt(2 * math.pi)))


def straight_through(x: Tensor, width: float) -> Tensor:
    """``1`` everywhere (Bengio et al., 2013); ``width`` is ignored."""
    return x.fill_(1.0)


SURROGATES: dict[str, tuple[Callable[[Tensor, float], Tensor], float]] = {
    "rectangle": (rectangle, 1.0),
    "triangle": (triangle, 1.0),
    "atan": (atan, 0.5),
    "sigmoid": (sigmoid, 0.25),
    "fast_sigmoid": (fast_sigmoid, 1 / 25),
    "exponential": (exponential, 1.0),
    "gaussian": (gaussian, 0.5),
    "straight_through": (straight_through, 1.0),
}
"""Name to (slope, default width). The defaults are the field's: atan alpha 2, sigmoid alpha 4, k 25."""


@dataclass(frozen=True)
class Surrogate:
    """A named surrogate derivative.

    name: a key of :data:`SURROGATES`.
    width: in units of the threshold; None means the family's default.
    Raises ``ValueError`` for an unknown name or a width that is not positive.
    """

    name: str = "triangle"
    width: float | None = None

    def __post_init__(self) -> None:
        if self.name not in SURROGATES:
            raise ValueError(f"unknown surrogate {self.name!r}; known: {', '.join(SURROGATES)}")
        if self.width is not None and not 0 < self.width < math.inf:
            raise ValueError(f"the width of a surrogate must be positive, got {self.width}")

    @property
    def effective_width(self) -> float:
        """The width that is used: the given one, or the family's default."""
        return SURROGATES[self.name][1] if self.width is None else self.width

    def slope_(self, potential: Tensor, threshold: float) -> Tensor:
        """``ds/du`` at the membrane potential, of any shape, in place: ``g((u - th) / th) / th``."""
        slope, width = SURROGATES[self.name][0], self.effective_width
        x = potential.sub_(threshold)
        if threshold == 1.0:
            return slope(x, width)
        return slope(x.mul_(1 / threshold), width).mul_(1 / threshold)

    def derivative(self, potential: Tensor, threshold: float = 1.0) -> Tensor:
        """Like :meth:`slope_`, but leaves its argument alone."""
        return self.slope_(torch.clone(potential), threshold)
