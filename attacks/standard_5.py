"""Version 5 of the attack sets: what version 6 (:mod:`attacks.standard`) replaced.

Called as ``standard@5``, ``quick@5`` and ``thorough@5``. On spiking models in linf it has two searches of corners, where
version 6 has four. In other norms and without spikes its searches of corners are of 1,000 forwards, and learn nothing.
Everything else is as in version 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks import smooth_sets
from attacks.base import Stage
from attacks.corners import Corners
from attacks.fitting import Traits
from attacks.learning_corners import LearningCorners
from attacks.spiking_sets import (
    BLUNTER,
    BLUNTER_ATTACHED,
    DETACHED,
    standard_of,
    thorough_of,
    walks_under,
)
from attacks.standard import Quick, Standard, Thorough
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

VERSION = 5

CORNERS: tuple[Stage, ...] = (
    Stage("corners", LearningCorners(queries=5000), BLUNTER),
    Stage("corners, attached", LearningCorners(queries=3000), BLUNTER_ATTACHED),
)
"""On spiking models in linf."""

CORNERS_ELSEWHERE: tuple[Stage, ...] = (
    Stage("corners", Corners(queries=1000), BLUNTER),
    Stage("corners, attached", Corners(queries=1000), BLUNTER_ATTACHED),
)
"""On spiking models in other norms; in version 4 in linf too."""

SMOOTH = {"corners": Corners(queries=1000)}
"""Without spikes."""

LONGEST = Stage("corners, longer", LearningCorners(queries=10_000), DETACHED)
LONGEST_ELSEWHERE = Stage("corners, longer", Corners(queries=5000), DETACHED)


def corners_under(kind: type[Threat]) -> tuple[Stage, ...]:
    """The searches of corners on spiking models under a kind of threat."""
    return CORNERS if issubclass(kind, Linf) else CORNERS_ELSEWHERE


@dataclass(frozen=True, kw_only=True)
class Quick5(Quick):
    """Version 5 of ``quick``: as version 6."""

    version: ClassVar[int] = VERSION


@dataclass(frozen=True, kw_only=True)
class Standard5(Standard):
    """Version 5 of ``standard``. In linf at most 500 pairs and 8,300 further forwards on spiking models, 1,080 and 1,300
    without spikes.
    """

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return super()._of_images(kind, traits)
        if not traits.spiking:
            return smooth_sets.standard(traits, SMOOTH)
        return standard_of(walks_under(kind), traits, corners_under(kind))


@dataclass(frozen=True, kw_only=True)
class Thorough5(Thorough):
    """Version 5 of ``thorough``."""

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return super()._of_images(kind, traits)
        if not traits.spiking:
            return smooth_sets.thorough(traits, SMOOTH | {"corners, longer": Corners(queries=5000)})
        longest = LONGEST if issubclass(kind, Linf) else LONGEST_ELSEWHERE
        return thorough_of(walks_under(kind), traits, (*corners_under(kind), longest))
