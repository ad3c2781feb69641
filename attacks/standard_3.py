"""Version 3 of the attack sets, frozen: what records and boards of that version were made with.

Called as ``standard@3``, ``quick@3`` and ``thorough@3``. Every stage begins anew, and none searches corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.boundary import ScoreBoundary
from attacks.cascade import Cascade
from attacks.events import standard as events
from attacks.fitting import Traits
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from attacks.hopskipjump import HopSkipJump
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.standard import blind, suited
from attacks.threats.event_grid import EventGrid
from attacks.threats.threat import Threat

CE, DLR, MARGIN = "ce", "dlr", "margin"
DETACHED, BLUNTER = ASSG(), ASSG(half=0.42)
ATTACHED, BLUNTER_ATTACHED = ASSG(reset="attached"), ASSG(half=0.42, reset="attached")

FIRST = Stage("PGD-10", PGD(steps=10), Training())

OTHER_PATHS: dict[str, GradientPath] = {
    "narrow triangle": BPTT(surrogate="triangle", width=0.5),
    "wide triangle": BPTT(surrogate="triangle", width=2.0),
    "sigmoid": BPTT(surrogate="sigmoid"),
    "HART": HART(),
    "BPTR": BPTR(),
    "RGA": RGA(),
    "PDSG": PDSG(),
}

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-margin, attached ASSG", APGD(steps=40, objective=MARGIN), ATTACHED),
    Stage("SA-PGD, ASSG", SAPGD(steps=100), DETACHED),
)

STANDARD: tuple[Stage, ...] = (
    FIRST,
    Stage("PGD-20, ASSG", PGD(steps=20), DETACHED),
    Stage("SA-PGD-50, ASSG", SAPGD(steps=50), DETACHED),
    Stage("SA-PGD, ASSG", SAPGD(steps=100), DETACHED),
    Stage("APGD-margin, attached ASSG", APGD(steps=50, objective=MARGIN), ATTACHED),
    Stage("SA-PGD-margin, blunter ASSG", SAPGD(steps=100, objective=MARGIN), BLUNTER),
    Stage("SA-PGD-margin, ASSG", SAPGD(steps=100, objective=MARGIN), DETACHED),
    Stage("SA-PGD-margin-200, ASSG", SAPGD(steps=200, objective=MARGIN), DETACHED),
    Stage("SA-PGD-200, blunter attached ASSG", SAPGD(steps=200), BLUNTER_ATTACHED),
    Stage("SA-PGD-margin, blunter attached ASSG", SAPGD(steps=100, objective=MARGIN), BLUNTER_ATTACHED),
    Stage("SA-PGD-200, blunter ASSG", SAPGD(steps=200), BLUNTER),
    Stage("APGD-DLR, own", APGD(steps=50, objective=DLR), Training()),
    *(Stage(f"PGD-20, {name}", PGD(steps=20), path) for name, path in OTHER_PATHS.items()),
    Stage("Square", Square(queries=1000)),
)

CODED: tuple[Stage, ...] = (
    Stage("SA-PGD-50, blunter ASSG, straight-through code", SAPGD(steps=50), ASSG(half=0.42, coding="straight_through")),
    Stage("SA-PGD-50, blunter ASSG, masked code", SAPGD(steps=50), ASSG(half=0.42, coding="masked")),
    Stage("SA-PGD-50, blunter ASSG, smooth code", SAPGD(steps=50), ASSG(half=0.42, coding="smooth")),
)

THOROUGH: tuple[Stage, ...] = (
    *STANDARD[:-1],
    *(
        Stage(f"SA-PGD-200, {path.reset} ASSG {path.half:g}, restarts", SAPGD(steps=200, restarts=3), path)
        for path in (
            *(ASSG(half=half) for half in (0.38, 0.4, 0.42, 0.44, 0.46, 0.48)),
            *(ASSG(half=half, reset="attached") for half in (0.4, 0.42, 0.44)),
        )
    ),
    Stage("SA-PGD-margin, every class", SAPGD(steps=100, restarts=9, objective=MARGIN, target="ranked"), BLUNTER),
    *(
        Stage(f"APGD-{objective.upper()}, {name}, restarts", APGD(steps=100, restarts=3, objective=objective), path)
        for objective in (CE, DLR)
        for name, path in (("own", Training()), ("HART", HART()), ("wide HART", HART(width=2.0)), ("BPTR", BPTR()))
    ),
    Stage("Square", Square(queries=5000)),
)

TARGETED = APGD(steps=50, restarts=9, objective=DLR, target="ranked")

SMOOTH_QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=60, objective=CE), Training()),
    Stage("APGD-T", APGD(steps=20, restarts=4, objective=DLR, target="ranked"), Training()),
)

SMOOTH: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=100, objective=CE), Training()),
    Stage("APGD-DLR", APGD(steps=100, objective=DLR), Training()),
    Stage("APGD-T", TARGETED, Training()),
    Stage("APGD-CE, restarts", APGD(steps=100, restarts=4, objective=CE), Training()),
    Stage("APGD-margin, restarts", APGD(steps=100, restarts=4, objective=MARGIN), Training()),
    Stage("Square", Square(queries=1000)),
)

SMOOTH_THOROUGH: tuple[Stage, ...] = (
    *SMOOTH[:-1],
    Stage("APGD-DLR, restarts", APGD(steps=100, restarts=10, objective=DLR), Training()),
    Stage("APGD-margin, more restarts", APGD(steps=100, restarts=10, objective=MARGIN), Training()),
    Stage("Square", Square(queries=5000)),
)


SCORES_QUICK: tuple[Stage, ...] = (FIRST, Stage("APGD", APGD(steps=25), Training()))

SCORES: tuple[Stage, ...] = (FIRST, Stage("APGD", APGD(steps=50), Training()), Stage("Square", Square(queries=100)))

SCORES_THOROUGH: tuple[Stage, ...] = (
    *SCORES[:-1],
    Stage("APGD, restarts", APGD(steps=100, restarts=4), Training()),
    Stage("Square", Square(queries=1000)),
)

BLIND: tuple[Stage, ...] = (
    Stage("Square, longer", Square(queries=5000)),
    Stage("boundary", ScoreBoundary(queries=1000)),
    Stage("HopSkipJump", HopSkipJump(queries=1000)),
)

BLIND_QUICK: tuple[Stage, ...] = (Stage("Square", Square(queries=300)),)


@dataclass(frozen=True, kw_only=True)
class Quick3(Cascade):
    """Version 3 of ``quick``."""

    moves_scores: ClassVar[bool] = True
    decisive: ClassVar[bool] = False
    version: ClassVar[int] = 3

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """As it was."""
        if issubclass(kind, EventGrid):
            return events.suited(events.QUICK, kind, traits)
        stages = SCORES_QUICK if traits.scores else QUICK if traits.spiking else SMOOTH_QUICK
        return suited((*stages, *blind(traits, BLIND_QUICK)), kind)


@dataclass(frozen=True, kw_only=True)
class Standard3(Cascade):
    """Version 3 of ``standard``."""

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = 3

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """As it was."""
        if issubclass(kind, EventGrid):
            return events.suited(events.STANDARD, kind, traits)
        spiking = (*STANDARD, *(CODED if traits.coded else ()))
        stages = SCORES if traits.scores else spiking if traits.spiking else SMOOTH
        return suited((*stages, *blind(traits, BLIND)), kind)


@dataclass(frozen=True, kw_only=True)
class Thorough3(Cascade):
    """Version 3 of ``thorough``."""

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = 3

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """As it was."""
        if issubclass(kind, EventGrid):
            return events.suited(events.THOROUGH, kind, traits)
        spiking = (*THOROUGH, *(CODED if traits.coded else ()))
        stages = SCORES_THOROUGH if traits.scores else spiking if traits.spiking else SMOOTH_THOROUGH
        return suited((*stages, *blind(traits, BLIND)), kind)
