"""Version 5 of the attack sets: what version 6 (:mod:`attacks.standard`) replaced.

Called as ``standard@5``, ``quick@5`` and ``thorough@5``. On spiking models in linf it has two searches of corners, where
version 6 has four; without spikes those that version 6 keeps for other norms: 1,000 forwards, and nothing learnt. Everything
else is as in version 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks import smooth_sets, spiking_sets
from attacks.base import Stage
from attacks.fitting import Traits
from attacks.standard import Quick, Standard, Thorough
from attacks.threats.threat import Threat

VERSION = 5


@dataclass(frozen=True, kw_only=True)
class Quick5(Quick):
    """Version 5 of ``quick``: as version 6."""

    version: ClassVar[int] = VERSION


@dataclass(frozen=True, kw_only=True)
class Standard5(Standard):
    """Version 5 of ``standard``. In linf at most 500 pairs and 8,300 further forwards on spiking models, without spikes 1,080
    and 1,300.
    """

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return super()._of_images(kind, traits)
        if traits.spiking:
            return spiking_sets.standard(kind, traits, spiking_sets.CORNERS_5)
        return smooth_sets.standard_elsewhere(traits)


@dataclass(frozen=True, kw_only=True)
class Thorough5(Thorough):
    """Version 5 of ``thorough``."""

    version: ClassVar[int] = VERSION

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return super()._of_images(kind, traits)
        if traits.spiking:
            return spiking_sets.thorough(kind, traits, spiking_sets.CORNERS_5)
        return smooth_sets.thorough_elsewhere(traits)
