"""Momentum iterative FGSM (Dong et al., CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.iterative import IterativeAttack
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class MIFGSM(IterativeAttack):
    """Steps along an accumulated gradient, each gradient divided by its l1 norm first.

    decay: of the accumulated gradient per step (the paper's mu). Default step: ``eps / steps``, start at x.
    """

    random_start: bool = False
    decay: float = 1.0

    def default_step(self, eps: Tensor) -> Tensor:
        """The radius ``eps`` ``(n, 1, ..., 1)`` over the number of steps."""
        return eps / max(self.steps, 1)

    def direction(self, gradient: Tensor, momentum: Tensor, threat: NormBall) -> tuple[Tensor, Tensor]:
        """The steepest step along the accumulated gradient ``(n, ...)``, and that gradient."""
        length = per_row(gradient.abs().flatten(1).sum(1), gradient)
        momentum = self.decay * momentum + gradient / length.clamp_min(torch.finfo(gradient.dtype).tiny)
        return threat.steepest(momentum), momentum
