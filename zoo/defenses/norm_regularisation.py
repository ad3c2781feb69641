"""Norm regularisation, NT (Liu et al., CVPR 2024, arXiv 2403.11397): a penalty on the l1 norm of the input gradient.

To first order, the largest change of a score f in the linf ball is ``eps |grad f|_1``. The norm is taken from a finite
difference along the sign of the gradient, which needs no second derivative:

    v = sign(grad_x f(x)),   |grad_x f(x)|_1 ~ |f(x + h v) - f(x)| / h.

``absolute`` adds this norm, as the paper writes; ``squared`` adds half its square, as the released code does.
The direction v is not differentiated; f is, in both places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from zoo.defenses.base import Defense
from zoo.defenses.norm_in_norm import TINY, NormInNorm
from zoo.defenses.regression import Regression, ScoreLoss, levels_of

BASES: dict[str, ScoreLoss] = {
    **{distance: Regression(distance=distance) for distance in ("l1", "l2", "huber")},
    "norm_in_norm": NormInNorm(),
}


@dataclass(frozen=True, kw_only=True)
class NormRegularisation(Defense):
    """``base(f(x), y) + weight * penalty``.

    weight: lambda, for scores on the scale of the labels and pixels in [0, 1].
    h: length of the finite difference in pixel units, not clipped to the box; the released code's 0.01 in
        ImageNet-normalised units is about 0.0023.
    base: loss of the scores: ``l1``, ``l2``, ``huber`` or ``norm_in_norm``.

    With a base that leaves the scale of the scores open, a model could lower the penalty by shrinking all scores, and the
    calibration would enlarge them again. With such a base the penalty is taken on scores scaled to the labels' spread in
    the batch.
    """

    weight: float
    h: float = 0.0025
    penalty: Literal["absolute", "squared"] = "absolute"
    base: Literal["l1", "l2", "huber", "norm_in_norm"] = "l1"

    def __post_init__(self) -> None:
        if not self.h > 0:
            raise ValueError(f"h must be positive, got {self.h}")
        if self.penalty not in ("absolute", "squared") or self.base not in BASES:
            raise ValueError(f"unknown penalty {self.penalty!r} or base {self.base!r}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Loss of the scores plus penalty, a scalar, and the scores ``(n,)`` of ``x`` ``(n, C, H, W)``."""
        base = BASES[self.base]
        leaf = x.detach().requires_grad_()
        levels = levels_of(model, leaf)
        scores = levels[0]
        (gradient,) = torch.autograd.grad(scores.sum(), leaf, retain_graph=True)
        shifted = levels_of(model, x + self.h * gradient.sign())[0]
        norm = (shifted - scores).abs() / self.h
        if base.unscaled:
            norm = norm * (y.std() / scores.std().clamp_min(TINY))
        penalty = norm.mean() if self.penalty == "absolute" else norm.square().mean() / 2
        return base.combined(levels, y) + self.weight * penalty, scores
