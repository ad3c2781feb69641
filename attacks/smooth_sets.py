"""The stages of ``quick``, ``standard`` and ``thorough`` on models without spikes, which have one gradient path: APGD,
untargeted and targeted, as in AutoAttack (Croce and Hein, ICML 2020), restarts, Square, and corners of the ball.
"""

from __future__ import annotations

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.common_stages import BRIEF_SQUARE, CE, DLR, FIRST, LONG_SQUARE, MARGIN, more_corners, of_input
from attacks.corners import Corners
from attacks.fitting import Traits
from attacks.gradients.base import Training
from attacks.gradients.bpda import BPDA

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


def standard(traits: Traits) -> tuple[Stage, ...]:
    """With :data:`ROUNDED <attacks.common_stages.ROUNDED>` where the input is rounded."""
    return (*WALKS, *of_input(traits), BRIEF_SQUARE, _corners(traits))


def thorough(traits: Traits) -> tuple[Stage, ...]:
    """The same, with more restarts and queries."""
    corners = _corners(traits)
    return (*WALKS, *LONGER, *of_input(traits), LONG_SQUARE, corners, more_corners(corners.path or Training()))


def _corners(traits: Traits) -> Stage:
    return Stage("corners", Corners(queries=1000), BPDA() if traits.rounds else Training())
