"""Projected gradient descent (Madry et al., ICLR 2018), linf and l2."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attacks.iterative import IterativeAttack
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class PGD(IterativeAttack):
    """``x <- proj(x + step * steepest(gradient))``; the step defaults to ``2.5 * eps / steps``."""

    def direction(self, gradient: Tensor, momentum: Tensor, threat: NormBall) -> tuple[Tensor, Tensor]:
        """The steepest step ``(n, ...)`` along the gradient; the momentum ``(n, ...)`` is left as it is."""
        return threat.steepest(gradient), momentum
