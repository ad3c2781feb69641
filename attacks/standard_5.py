"""Version 5 of the attack sets: on spiking networks in linf, less is spent on gradients and more on corners, where it helps.

Of what ``standard`` of version 4 leaves, three times its budget broke 3.4% of the validation images on snn_front, 2.6% on
snn_robust_conversion and 1.8% on snn_trades, nearly all of it by longer searches of corners
(``leaderboards/stages/leftovers.csv``). Its stage of 200 steps along the attached path had broken next to nothing. Here it
has 50 steps, and both searches of corners are :class:`~attacks.learning_corners.LearningCorners`, which get farther per
forward and leave samples that are out of reach. ``python -m reports.set_stages`` compares the versions stage by stage.

Everything else is as in version 4 (:mod:`attacks.standard`): models without spikes or without gradients, l2, grids of
events, scores, and all of ``quick``. Called as ``standard@5`` and ``thorough@5`` until a board of this version is filled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from attacks.base import Stage
from attacks.fitting import Traits
from attacks.learning_corners import LearningCorners
from attacks.sapgd import SAPGD
from attacks.standard import (
    BLIND,
    BLUNTER,
    BLUNTER_ATTACHED,
    BRIEF_SQUARE,
    DETACHED,
    LONG_SQUARE,
    LONGER,
    WALKS,
    Quick,
    Standard,
    Thorough,
    blind,
    of_input,
)
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

VERSION = 5
LONG, BRIEF = "SA-PGD-200, blunter attached ASSG", "SA-PGD-50, blunter attached ASSG"
WALKS_5: tuple[Stage, ...] = tuple(
    replace(stage, name=BRIEF, attack=SAPGD(steps=50)) if stage.name == LONG else stage for stage in WALKS
)
"""Along gradients, from random starts."""

CORNERS_5: tuple[Stage, ...] = (
    Stage("corners", LearningCorners(queries=5000), BLUNTER),
    Stage("corners, attached", LearningCorners(queries=3000), BLUNTER_ATTACHED),
)
"""From the best point that all stages before have reached; the second goes on where the first has ended, and learns anew."""


def spiking_5(traits: Traits) -> tuple[Stage, ...]:
    """``standard`` on spiking models in linf."""
    return (*WALKS_5, *of_input(traits), BRIEF_SQUARE, *CORNERS_5)


def thorough_spiking_5(traits: Traits) -> tuple[Stage, ...]:
    """``thorough`` on spiking models in linf."""
    longest = Stage("corners, longer", LearningCorners(queries=10_000), DETACHED)
    return (*WALKS_5, *LONGER, *of_input(traits), LONG_SQUARE, *CORNERS_5, longest)


def changed(kind: type[Threat], traits: Traits) -> bool:
    """Whether the stages differ from those of version 4."""
    return issubclass(kind, Linf) and traits.spiking and not traits.scores


@dataclass(frozen=True, kw_only=True)
class Quick5(Quick):
    """Version 5 of ``quick``: as version 4."""

    version: ClassVar[int] = VERSION


@dataclass(frozen=True, kw_only=True)
class Standard5(Standard):
    """Version 5 of ``standard``. At most 500 pairs (650 with spike codes) and 8,300 further forwards on a sample that
    survives everything; most leave the searches of corners before their end.
    """

    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`spiking_5` on spiking models in linf, those of version 4 elsewhere."""
        if not changed(kind, traits):
            return super().stages(kind, traits)
        return (*spiking_5(traits), *blind(traits, BLIND))


@dataclass(frozen=True, kw_only=True)
class Thorough5(Thorough):
    """Version 5 of ``thorough``."""

    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`thorough_spiking_5` on spiking models in linf, those of version 4 elsewhere."""
        if not changed(kind, traits):
            return super().stages(kind, traits)
        return (*thorough_spiking_5(traits), *blind(traits, BLIND))
