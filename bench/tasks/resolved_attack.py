"""An attack whose name and parameters are resolved, independently of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attacks.base import Attack

MOST_NOISE_DRAWS = 100
"""Upper limit of K of the best-of-K noise baseline."""


@dataclass(frozen=True)
class ResolvedAttack:
    """An attack with its parameters, as given and as resolved."""

    spec: str
    name: str
    attack: Attack
    passed: dict[str, Any]
    defaulted: dict[str, Any]

    @property
    def noise_draws(self) -> int:
        """K of the best-of-K noise baseline: the number of forwards that the attack may spend, at most 100."""
        return max(1, min(self.attack.cost()[0], MOST_NOISE_DRAWS))
