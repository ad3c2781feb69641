"""The stages of ``quick``, ``standard`` and ``thorough`` on models without spikes, which have one gradient path: APGD,
untargeted and targeted, as in AutoAttack (Croce and Hein, ICML 2020), restarts, Square, and corners of the ball.
"""

from __future__ import annotations

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.common_stages import BRIEF_SQUARE, CE, DLR, FIRST, LONG_SQUARE, MARGIN, of_input
from attacks.corners import Corners
from attacks.fitting import Traits
from attacks.gradients.base import Training
from attacks.gradients.bpda import BPDA
from attacks.learning_corners import LearningCorners
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

TARGETED = APGD(steps=50, restarts=9, objective=DLR, target="ranked")
"""AutoAttack's APGD-T: each restart aims at the next of the nine likeliest wrong classes."""

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=60, objective=CE), Training()),
    Stage("APGD-T", APGD(steps=20, restarts=4, objective=DLR, target="ranked"), Training()),
)

WALKS: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD-CE", APGD(steps=100, objective=CE), Training()),
    Stage("APGD-DLR", APGD(steps=100, objective=DLR), Training()),
    Stage("APGD-T", TARGETED, Training()),
    Stage("APGD-margin, restarts", APGD(steps=100, restarts=4, objective=MARGIN), Training()),
)

LONGER: tuple[Stage, ...] = (
    Stage("APGD-CE, restarts", APGD(steps=100, restarts=4, objective=CE), Training()),
    Stage("APGD-DLR, restarts", APGD(steps=100, restarts=10, objective=DLR), Training()),
    Stage("APGD-margin, more restarts", APGD(steps=100, restarts=10, objective=MARGIN), Training()),
)


CORNERS, LONGEST = LearningCorners(queries=10_000, patience=1000), LearningCorners(queries=20_000, patience=1000)
"""For networks whose activations are rounded: as in a spiking network, decisions are constant on pieces, and the gradient
passes the rounding as if it were not there. Of 31 images that the stages before leave on ``ann_qcfs`` at 2/255, this
search breaks 17, half of it 15, and :class:`~attacks.corners.Corners` with 1,000 forwards 10. On a network without rounding
it gives up after 1,000."""

CORNERS_ELSEWHERE, LONGEST_ELSEWHERE = Corners(queries=1000), Corners(queries=5000)
"""Where there are no corners to learn of."""


def standard(kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
    """With :data:`ROUNDED <attacks.common_stages.ROUNDED>` where the input is rounded."""
    return _standard(traits, CORNERS) if issubclass(kind, Linf) else standard_elsewhere(traits)


def standard_elsewhere(traits: Traits) -> tuple[Stage, ...]:
    """Not in linf; until version 5 there too."""
    return _standard(traits, CORNERS_ELSEWHERE)


def thorough(kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
    """The same, with more restarts and queries."""
    return _thorough(traits, CORNERS, LONGEST) if issubclass(kind, Linf) else thorough_elsewhere(traits)


def thorough_elsewhere(traits: Traits) -> tuple[Stage, ...]:
    """Not in linf; until version 5 there too."""
    return _thorough(traits, CORNERS_ELSEWHERE, LONGEST_ELSEWHERE)


def _standard(traits: Traits, corners: Corners) -> tuple[Stage, ...]:
    return (*WALKS, *of_input(traits), BRIEF_SQUARE, _stage("corners", corners, traits))


def _thorough(traits: Traits, corners: Corners, longest: Corners) -> tuple[Stage, ...]:
    last = (_stage("corners", corners, traits), _stage("corners, longer", longest, traits))
    return (*WALKS, *LONGER, *of_input(traits), LONG_SQUARE, *last)


def _stage(name: str, search: Corners, traits: Traits) -> Stage:
    return Stage(name, search, BPDA() if traits.rounds else Training())
