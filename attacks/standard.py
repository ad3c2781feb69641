"""The parameter-free attack sets: ``quick``, ``standard`` and ``thorough``.

What AutoAttack (Croce and Hein, ICML 2020) is to smooth networks, these are to spiking ones, where the gradient itself is a
choice: each stage goes along another gradient path, so that one vanishing surrogate cannot hide what another shows. Every
stage inherits the best point of each sample (:mod:`attacks.inheritance`), and the last ones search corners of the ball from
it (:mod:`attacks.corners`). Stages were chosen by how many samples of the *validation* split each broke that the ones
before had left standing (``python -m reports.stages`` makes such a table). The one along the blunter attached path is for
networks with a soft reset: it breaks 5 of 12 on snn_srp. ``python -m reports.leftovers`` asks what three times the budget
still breaks.

Of 100 validation images at 2/255 version 3 left 21 of snn_at, 15 of snn_ttfs, 7 of snn_srp and 14 of snn_front; version 4
leaves 18, 8, 5 and 10, in 8 to 30% less CPU time. Transfers are not among the stages: on nine models, five sources, the
model's own weights without spikes included, broke nothing that these had left.

On models without spiking layers there is one path; the stages are then APGD, untargeted and targeted, restarts, and Square.
On models without gradients Square is all that fits of these, and three more searches without gradients follow it.

Under threats on grids of events the stages are those of :mod:`attacks.events.standard`, and on models that score those of
:mod:`attacks.score_sets`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from attacks import score_sets
from attacks.apgd import APGD
from attacks.base import Stage
from attacks.boundary import ScoreBoundary
from attacks.cascade import Cascade
from attacks.corners import BlindCorners, Corners
from attacks.events import standard as events
from attacks.fitting import Traits
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bpda import BPDA
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.last_step import LastStep
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from attacks.hopskipjump import HopSkipJump
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.threats.event_grid import EventGrid
from attacks.threats.threat import Threat

VERSION = 4
"""Of the attack sets; older ones stay callable, as ``standard@3``."""

CE, DLR, MARGIN = "ce", "dlr", "margin"
DETACHED, BLUNTER = ASSG(), ASSG(half=0.42)
ATTACHED, BLUNTER_ATTACHED = ASSG(reset="attached"), ASSG(half=0.42, reset="attached")
"""Dropping the gradient of the reset is stronger on most of the zoo, keeping it on networks converted with a soft reset."""

FIRST = Stage("PGD-10", PGD(steps=10), Training())
"""Cheap, and enough for most samples of an undefended model."""

OTHER_PATHS: dict[str, GradientPath] = {"narrow triangle": BPTT(surrogate="triangle", width=0.5), "HART": HART()}
RARER_PATHS: dict[str, GradientPath] = {
    "wide triangle": BPTT(surrogate="triangle", width=2.0),
    "sigmoid": BPTT(surrogate="sigmoid"),
    "RGA": RGA(),
    "PDSG": PDSG(),
}
"""On the models of the zoo these broke no sample that ASSG had not broken. They are for models outside of it."""

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("SA-PGD-50, ASSG", SAPGD(steps=50), DETACHED),
    Stage("SA-PGD-50, blunter attached ASSG", SAPGD(steps=50), BLUNTER_ATTACHED),
    Stage("corners", Corners(queries=100), BLUNTER),
)

CODED: tuple[Stage, ...] = (
    Stage("SA-PGD-50, blunter ASSG, straight-through code", SAPGD(steps=50), ASSG(half=0.42, coding="straight_through")),
    Stage("SA-PGD-50, blunter ASSG, masked code", SAPGD(steps=50), ASSG(half=0.42, coding="masked")),
    Stage("SA-PGD-50, blunter ASSG, smooth code", SAPGD(steps=50), ASSG(half=0.42, coding="smooth")),
)
"""For models that send intensities as spikes: a code must not count as robust because it hides its gradient."""

WALKS: tuple[Stage, ...] = (
    FIRST,
    Stage("PGD-20, ASSG", PGD(steps=20), DETACHED),
    Stage("SA-PGD-50, ASSG", SAPGD(steps=50), DETACHED),
    Stage("SA-PGD, ASSG", SAPGD(steps=100), DETACHED),
    Stage("SA-PGD-margin, blunter ASSG", SAPGD(steps=100, objective=MARGIN), BLUNTER),
    Stage("SA-PGD-200, blunter attached ASSG", SAPGD(steps=200), BLUNTER_ATTACHED),
    Stage("SA-PGD-50, last step", SAPGD(steps=50), LastStep(width=0.5)),
    *(Stage(f"PGD-20, {name}", PGD(steps=20), path) for name, path in OTHER_PATHS.items()),
)
"""Along gradients, from random starts."""

CORNERS: tuple[Stage, ...] = (
    Stage("corners", Corners(queries=1000), BLUNTER),
    Stage("corners, attached", Corners(queries=1000), BLUNTER_ATTACHED),
)
"""From the best point that all stages before have reached; the second goes on where the first has ended."""

ROUNDED: tuple[Stage, ...] = (
    Stage("SA-PGD-50, rounding passed", SAPGD(steps=50), BPDA()),
    Stage("SA-PGD-margin, rounding passed", SAPGD(steps=100, objective=MARGIN), BPDA(half=0.42)),
)
"""For models that round their input, whose own gradient is zero."""

BRIEF_SQUARE = Stage("Square", Square(queries=300))
"""From a cold start Square breaks next to nothing that gradients leave: it is there to show where they are hidden, and
comes before the search that starts from what they have reached."""


def spiking(traits: Traits) -> tuple[Stage, ...]:
    """``standard`` on spiking models; :data:`CODED` where there is a code, :data:`ROUNDED` where the input is rounded."""
    return (*WALKS, *of_input(traits), BRIEF_SQUARE, *CORNERS)


def of_input(traits: Traits) -> tuple[Stage, ...]:
    """Stages for what a model does to its input first."""
    return (*(CODED if traits.coded else ()), *(ROUNDED if traits.rounds else ()))


LONGER: tuple[Stage, ...] = (
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
    *(Stage(f"PGD-20, {name}", PGD(steps=20), path) for name, path in RARER_PATHS.items()),
)
"""More sharpnesses, restarts and paths, for ``thorough``."""

LONG_SQUARE = Stage("Square", Square(queries=5000))


def more_corners(path: GradientPath) -> Stage:
    """A last and longer corner search, for ``thorough``."""
    return Stage("corners, longer", Corners(queries=5000), path)


def thorough_spiking(traits: Traits) -> tuple[Stage, ...]:
    """``thorough`` on spiking models."""
    return (*WALKS, *LONGER, *of_input(traits), LONG_SQUARE, *CORNERS, more_corners(DETACHED))


TARGETED = APGD(steps=50, restarts=9, objective=DLR, target="ranked")
"""AutoAttack's APGD-T: each restart aims at the next of the nine likeliest wrong classes."""

SMOOTH_QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=60, objective=CE), Training()),
    Stage("APGD-T", APGD(steps=20, restarts=4, objective=DLR, target="ranked"), Training()),
)

SMOOTH_WALKS: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=100, objective=CE), Training()),
    Stage("APGD-DLR", APGD(steps=100, objective=DLR), Training()),
    Stage("APGD-T", TARGETED, Training()),
    Stage("APGD-margin, restarts", APGD(steps=100, restarts=4, objective=MARGIN), Training()),
)

SMOOTH_LONGER: tuple[Stage, ...] = (
    Stage("APGD-CE, restarts", APGD(steps=100, restarts=4, objective=CE), Training()),
    Stage("APGD-DLR, restarts", APGD(steps=100, restarts=10, objective=DLR), Training()),
    Stage("APGD-margin, more restarts", APGD(steps=100, restarts=10, objective=MARGIN), Training()),
)


def smooth(traits: Traits) -> tuple[Stage, ...]:
    """``standard`` on models without spikes."""
    return (*SMOOTH_WALKS, *of_input(traits), BRIEF_SQUARE, _smooth_corners(traits))


def thorough_smooth(traits: Traits) -> tuple[Stage, ...]:
    """``thorough`` on models without spikes."""
    corners = _smooth_corners(traits)
    return (*SMOOTH_WALKS, *SMOOTH_LONGER, *of_input(traits), LONG_SQUARE, corners, more_corners(corners.path or Training()))


def _smooth_corners(traits: Traits) -> Stage:
    return Stage("corners", Corners(queries=1000), BPDA() if traits.rounds else Training())


BLIND: tuple[Stage, ...] = (
    Stage("Square, longer", Square(queries=5000)),
    Stage("boundary", ScoreBoundary(queries=1000)),
    Stage("HopSkipJump", HopSkipJump(queries=1000)),
    Stage("blind corners", BlindCorners(queries=700)),
)
"""For models without gradients, after Square: a longer search of this kind, one over score boundaries, one that sees
decisions alone, and one over corners from the best point of these. Of 40 images at 2/255, ``ann_vanilla`` without its
gradient keeps 68% after 1,000 queries of Square, 58% after 3,000 and 50% after 6,000; NES and SPSA with 3,000 leave 78% and
73%. With its gradient it keeps 35% under ``quick``.
"""

BLIND_QUICK: tuple[Stage, ...] = (Stage("Square", Square(queries=300)),)


def blind(traits: Traits, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """``stages`` where the model has no gradient and they can move what it answers; none elsewhere."""
    fit = (stage for stage in stages if stage.attack.moves_scores or not traits.scores)
    return () if traits.differentiable else tuple(fit)


def suited(stages: tuple[Stage, ...], kind: type[Threat]) -> tuple[Stage, ...]:
    """The stages under a kind of threat. SA-PGD works in linf alone; elsewhere APGD, as long, takes its place."""
    return tuple(_without_sapgd(stage, kind) for stage in stages)


def _without_sapgd(stage: Stage, kind: type[Threat]) -> Stage:
    sapgd = stage.attack
    if not isinstance(sapgd, SAPGD) or issubclass(kind, sapgd.threats):
        return stage
    apgd = APGD(steps=sapgd.steps, restarts=sapgd.restarts, objective=sapgd.objective or CE, target=sapgd.target)
    return replace(stage, name=stage.name.replace("SA-PGD", "APGD"), attack=apgd)


@dataclass(frozen=True, kw_only=True)
class Quick(Cascade):
    """At most 150 forward+backward pairs a sample and 100 further forwards, or 300 forwards without gradients: for
    development and large sets. On scores 60 pairs each way.
    """

    moves_scores: ClassVar[bool] = True
    decisive: ClassVar[bool] = False
    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:data:`QUICK`, or what stands for it without spikes and on scores; :data:`BLIND_QUICK` without gradients."""
        if issubclass(kind, EventGrid):
            return events.suited(events.QUICK, kind, traits)
        stages = score_sets.QUICK if traits.scores else QUICK if traits.spiking else SMOOTH_QUICK
        return suited((*stages, *blind(traits, BLIND_QUICK)), kind)


@dataclass(frozen=True, kw_only=True)
class Standard(Cascade):
    """At most 620 pairs (770 with spike codes, 1,080 without spikes) and 2,400 further forwards on a sample that survives
    everything: for publication. Without gradients 8,000 forwards, and an upper bound. On scores 760 pairs and 500 further
    forwards each way.
    """

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`spiking`, or what stands for it without spikes and on scores. Without gradients :data:`BLIND` follows."""
        if issubclass(kind, EventGrid):
            return events.suited(events.STANDARD, kind, traits)
        stages = score_sets.STANDARD if traits.scores else spiking(traits) if traits.spiking else smooth(traits)
        return suited((*stages, *blind(traits, BLIND)), kind)


@dataclass(frozen=True, kw_only=True)
class Thorough(Cascade):
    """Without a budget: more sharpnesses, restarts and queries. For a claim that must hold."""

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`thorough_spiking`, or what stands for it without spikes and on scores. Without gradients :data:`BLIND`
        follows.
        """
        if issubclass(kind, EventGrid):
            return events.suited(events.THOROUGH, kind, traits)
        of_decisions = thorough_spiking if traits.spiking else thorough_smooth
        stages = score_sets.THOROUGH if traits.scores else of_decisions(traits)
        return suited((*stages, *blind(traits, BLIND)), kind)
