"""Single-step attacks: FGSM (Goodfellow et al., ICLR 2015) and FGSM with a random start."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attacks.pgd import PGD


@dataclass(frozen=True, kw_only=True)
class FGSM(PGD):
    """One step of size eps from the clean input."""

    steps: int = 1
    random_start: bool = False

    def default_step(self, eps: Tensor) -> Tensor:
        """The whole radius ``eps`` ``(n, 1, ..., 1)``."""
        return eps


@dataclass(frozen=True, kw_only=True)
class RFGSM(PGD):
    """A random start in the ball, then one step of ``1.25 * eps``, projected (Wong et al., ICLR 2020)."""

    steps: int = 1

    def default_step(self, eps: Tensor) -> Tensor:
        """1.25 times the radius ``eps`` ``(n, 1, ..., 1)``."""
        return 1.25 * eps
