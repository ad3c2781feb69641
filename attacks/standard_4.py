"""Version 4 of the attack sets: what version 5 (:mod:`attacks.standard_5`) replaced.

Called as ``standard@4``, ``quick@4`` and ``thorough@4``. On spiking models in linf its stages are those that version 5 keeps
for other norms: 200 steps along the blunter attached path, and shorter searches of corners that learn nothing. On scores its
longest walk begins at the best point so far. Everything else is as in version 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks import score_sets
from attacks.base import Stage
from attacks.fitting import Traits
from attacks.spiking_sets import WALKS_ELSEWHERE, standard_of, thorough_of
from attacks.standard_5 import CORNERS_ELSEWHERE, LONGEST_ELSEWHERE, Quick5, Standard5, Thorough5
from attacks.threats.threat import Threat

VERSION = 4


@dataclass(frozen=True, kw_only=True)
class Quick4(Quick5):
    """Version 4 of ``quick``: as version 5."""

    version: ClassVar[int] = VERSION


@dataclass(frozen=True, kw_only=True)
class Standard4(Standard5):
    """Version 4 of ``standard``. On a spiking model in linf at most 620 pairs (770 with spike codes) and 2,400 further
    forwards on a sample that survives everything.
    """

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return score_sets.STANDARD_4
        if traits.spiking:
            return standard_of(WALKS_ELSEWHERE, traits, CORNERS_ELSEWHERE)
        return super()._of_images(kind, traits)


@dataclass(frozen=True, kw_only=True)
class Thorough4(Thorough5):
    """Version 4 of ``thorough``."""

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return score_sets.thorough(score_sets.STANDARD_4)
        if traits.spiking:
            return thorough_of(WALKS_ELSEWHERE, traits, (*CORNERS_ELSEWHERE, LONGEST_ELSEWHERE))
        return super()._of_images(kind, traits)
