"""TGO: potentials kept off the threshold (Wang et al., ICLR 2026, arXiv 2602.20548).

A neuron whose potential is close to its threshold is flipped by a small disturbance. The penalty of a layer is

    mean over neurons and steps of max(0, margin - |u - threshold| / threshold),

and its weight rises from 0 to its full value along half a cosine over the training. The other half of the method are neurons
that fire with a probability (:mod:`zoo.spiking.noisy`). A network of those is random, so that an attack has to average over
draws.

Known of the paper are its abstract, the form of the penalty and that its weight rises. Margin, weight and noise of the paper
are not known to us.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import Tensor

from zoo.defenses.potential_penalty import PotentialPenalty


@dataclass(frozen=True, kw_only=True)
class ThresholdGuard(PotentialPenalty):
    """Cross-entropy plus a rising ``weight`` times how far potentials reach into a margin around the threshold.

    margin: to either side of the threshold, in units of it. Raises ``ValueError`` for a margin that is not positive.
    """

    margin: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.margin > 0:
            raise ValueError(f"the margin must be positive, got {self.margin}")

    def at(self, share: float) -> ThresholdGuard:
        """The defense with its weight times ``(1 - cos(pi * share)) / 2``, share of the training from 0 to 1."""
        return replace(self, weight=self.weight * (1 - math.cos(math.pi * share)) / 2)

    def penalty(self, distance: Tensor) -> Tensor:
        """Mean of what ``distance`` ``(T, n, ...)`` lacks to the margin."""
        return (self.margin - distance.abs()).clamp_min(0).mean()
