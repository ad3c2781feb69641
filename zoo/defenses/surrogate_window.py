"""MPD-SGR: potentials out of the surrogate's window (Jiang et al., AAAI 2026, arXiv 2511.12199).

The gradient of a spiking network is as large as the share of potentials that lie where the surrogate is not 0. Were the
potentials of a channel at a step normal, with mean mu and standard deviation sigma over batch and space, the share within g
of the threshold would be

    Phi((mu + g) / sigma) - Phi((mu - g) / sigma),     mu and sigma those of u - threshold,

and its mean over channels, steps and layers is the penalty. mu and sigma are differentiated.

Known of the paper are its abstract and this penalty. Its weight and the exact pooling of the statistics are not known to us:
here a weight is chosen by ``bench pilot``, sigma is the population's, and at least a millionth of a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.defenses.potential_penalty import PotentialPenalty

TINY = 1e-6
"""Least standard deviation, in units of the threshold."""


@dataclass(frozen=True, kw_only=True)
class SurrogateWindow(PotentialPenalty):
    """Cross-entropy plus ``weight`` times the share of potentials within ``reach`` of the threshold, were they normal.

    reach: g in units of the threshold, half the window of the surrogate: the width of a triangle, half that of a rectangle.
    Raises ``ValueError`` for a reach that is not positive.
    """

    reach: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reach > 0:
            raise ValueError(f"the reach must be positive, got {self.reach}")

    def penalty(self, distance: Tensor) -> Tensor:
        """Mean over channels (units, where there is no space) and steps of ``distance`` ``(T, n, C, ...)``."""
        pooled = (1, *range(3, distance.dim()))
        mean = distance.mean(pooled)
        deviation = distance.var(pooled, correction=0).clamp_min(TINY**2).sqrt()
        upper, lower = (mean + self.reach) / deviation, (mean - self.reach) / deviation
        share: Tensor = torch.special.ndtr(upper) - torch.special.ndtr(lower)
        return share.mean()
