"""The stages of ``quick``, ``standard`` and ``thorough`` on models without spikes, which have one gradient path: APGD,
untargeted and targeted, as in AutoAttack (Croce and Hein, ICML 2020), restarts, Square, and corners of the ball.
"""

from __future__ import annotations

from collections.abc import Mapping

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.common_stages import BRIEF_SQUARE, CE, DLR, FIRST, LONG_SQUARE, MARGIN, of_input
from attacks.corners import Corners
from attacks.fitting import Traits
from attacks.gradients.base import Training
from attacks.gradients.bpda import BPDA
from attacks.learning_corners import LearningCorners
from attacks.near_corners import NearCorners

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


CORNERS: Mapping[str, Corners] = {
    "corners": LearningCorners(queries=10_000, patience=1000),
    "near corners": NearCorners(queries=3000),
}
"""For networks whose activations are rounded: as in a spiking network, decisions are constant on pieces, and the gradient
passes the rounding as if it were not there. Of 31 images that the stages before leave on ``ann_qcfs`` at 2/255, the first
search breaks 17, half of it 15, and :class:`~attacks.corners.Corners` with 1,000 forwards 10. On a network without rounding
it gives up after 1,000. After the first alone, another search that learns broke 2 of 29 on ``ann_qcfs`` in l2."""

MORE_CORNERS: Mapping[str, Corners] = {**CORNERS, "corners, longer": LearningCorners(queries=20_000, patience=1000)}
"""For ``thorough``."""


def standard(traits: Traits, corners: Mapping[str, Corners] = CORNERS) -> tuple[Stage, ...]:
    """With :data:`ROUNDED <attacks.common_stages.ROUNDED>` where the input is rounded. corners: searches by name."""
    return (*WALKS, *of_input(traits), BRIEF_SQUARE, *_stages(corners, traits))


def thorough(traits: Traits, corners: Mapping[str, Corners] = MORE_CORNERS) -> tuple[Stage, ...]:
    """The same, with more restarts and queries."""
    return (*WALKS, *LONGER, *of_input(traits), LONG_SQUARE, *_stages(corners, traits))


def _stages(searches: Mapping[str, Corners], traits: Traits) -> tuple[Stage, ...]:
    path = BPDA() if traits.rounds else Training()
    return tuple(Stage(name, search, path) for name, search in searches.items())
