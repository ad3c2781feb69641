"""Minimal-norm attacks: they look for the nearest adversarial example, whatever the radius.

Under a threat of radius eps such an attack has won where what it found lies in the ball. Where it does not, the
clean input is returned, never a point outside. So one threat model serves both kinds, and the size of a
returned perturbation is the distance at which the sample falls.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Attack, Kind
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threat import Threat, per_row, row_norm


def within(found: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """The rows of ``found`` ``(n, ...)`` that lie in the ball, and those of ``x`` where they do not.

    A row that is not a number is kept: whoever verifies must see it, not take it for a sample that stands.
    """
    outside = row_norm(found.double() - x.double(), threat.norm) > threat.radius(x.double()).flatten()
    return torch.where(per_row(outside, x), x, found)


@dataclass(frozen=True, kw_only=True)
class MinimalAttack(Attack):
    """Base of the attacks that minimise the norm of the perturbation."""

    kind: ClassVar[Kind] = "minimal"
    moves_scores: ClassVar[bool] = False

    @abstractmethod
    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The nearest adversarial input found for each row of ``x`` ``(n, ...)``, or the clean one; eps plays no part."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.check(threat)
        self.check_task(oracle)
        return within(self.nearest(oracle, x, threat, rng=rng), x, threat)
