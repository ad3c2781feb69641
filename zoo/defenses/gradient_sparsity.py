"""Gradient-sparsity regularisation, SR and SR* (Liu et al., ICML 2024, arXiv 2405.20355).

To first order, the worst squared change of an output f in the linf ball exceeds the
expected one under uniform noise by ``3 |g|_1^2 / |g|_2^2``, between 3 and ``3 |g|_0``:
the adversarial-vs-random gap is bounded by how many inputs have a gradient at all. The
penalty is the l1 norm of the input gradient, by a finite difference along its sign,

    v = sign(grad_x f(x)),   |grad_x f(x)|_1 ~ (f(x + h v) - f(x)) / h,

which needs no second derivative. f is the probability of the label: against the
strongest other class alone (``two_class``, as in the released code) or among all
(``softmax``, as in the paper). ``squared`` penalises the square, as the released code
does; ``absolute`` the magnitude, as the paper writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.objectives import pick
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.base import Defense


@dataclass(frozen=True, kw_only=True)
class GradientSparsity(Defense):
    """``CE(f(x), y) + weight * penalty``.

    weight: lambda. h: length of the finite difference, in [0, 1] pixel units (not clipped to the box).
    eps: 0 for clean training (SR); otherwise x is first replaced by an adversarial example in this linf
        radius (SR*), with the settings of :class:`~zoo.defenses.adversarial.AdversarialTraining`.
    """

    weight: float
    h: float = 0.01
    penalty: Literal["squared", "absolute"] = "squared"
    probability: Literal["two_class", "softmax"] = "two_class"
    eps: float = 0.0
    steps: int = 1

    def __post_init__(self) -> None:
        if not self.h > 0:
            raise ValueError(f"h must be positive, got {self.h}")
        if self.penalty not in ("squared", "absolute") or self.probability not in ("two_class", "softmax"):
            raise ValueError(f"unknown penalty {self.penalty!r} or probability {self.probability!r}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self.eps:
            x = AdversarialTraining(eps=self.eps, steps=self.steps).craft(model, x, y, generator=generator)
        leaf = x.detach().requires_grad_()
        logits: Tensor = model(leaf)
        rival = runner_up(logits.detach(), y)
        f = self._probability(logits, y, rival)
        (gradient,) = torch.autograd.grad(f.sum(), leaf, retain_graph=True)
        shifted: Tensor = model(x + self.h * gradient.sign())
        slope = (self._probability(shifted, y, rival) - f) / self.h
        penalty = slope.square() if self.penalty == "squared" else slope.abs()
        return F.cross_entropy(logits, y) + self.weight * penalty.mean(), logits

    def _probability(self, logits: Tensor, y: Tensor, rival: Tensor) -> Tensor:
        """``(n,)``. The two-class softmax is the logistic function of the margin, which cannot overflow."""
        if self.probability == "softmax":
            return pick(logits.softmax(1), y)
        return torch.sigmoid(pick(logits, y) - pick(logits, rival))


def runner_up(logits: Tensor, y: Tensor) -> Tensor:
    """The strongest class apart from ``y``: ``(n,)`` indices."""
    return logits.masked_fill(F.one_hot(y, logits.shape[1]).bool(), -torch.inf).argmax(1)
