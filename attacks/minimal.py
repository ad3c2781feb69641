"""Minimal-norm attacks: they look for the nearest adversarial example, whatever the radius.

Under a threat of radius eps such an attack has won where the adversarial input it found lies in the ball. Where it does
not, the clean input is returned, never a point outside. So one threat model serves both kinds of attack, and the size of a
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
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall
from attacks.threats.threat import Threat, ThreatKinds


def within(adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """The rows of ``adv`` ``(n, ...)`` that lie in the ball, and those of ``x`` ``(n, ...)`` where they do not.

    A row that is not a number is kept, so that whoever verifies sees it instead of a clean input that stands.
    """
    return torch.where(per_row(threat.excess(adv, x) > 0, x), x, adv)


@dataclass(frozen=True, kw_only=True)
class MinimalAttack(Attack):
    """Base of the attacks that minimise the norm of the perturbation."""

    threats: ClassVar[ThreatKinds] = (NormBall,)
    kind: ClassVar[Kind] = "minimal"
    moves_scores: ClassVar[bool] = False

    @abstractmethod
    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The nearest adversarial input found for each row of ``x`` ``(n, ...)``, or the clean one, whatever eps is."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """What :meth:`nearest` finds where it lies in the ball, and the clean input elsewhere: ``(n, ...)``."""
        self.require_fit(oracle, x, threat)
        return within(self.nearest(oracle, x, threat, rng=rng), x, threat)
