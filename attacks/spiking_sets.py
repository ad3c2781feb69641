"""The stages of ``quick``, ``standard`` and ``thorough`` on spiking models.

The gradient of such a model is a choice: each stage goes along another gradient path, so that one vanishing surrogate cannot
hide what another shows. The stage along the blunter attached path is for networks with a soft reset: it breaks 5 of 12 on
snn_srp. Transfers are not among the stages: on nine models, five sources, the model's own weights without spikes included,
broke nothing that these had left.
"""

from __future__ import annotations

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.common_stages import BRIEF_SQUARE, CE, DLR, FIRST, LONG_SQUARE, MARGIN, of_input
from attacks.corners import Corners
from attacks.fitting import Traits
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.last_step import LastStep
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from attacks.learning_corners import LearningCorners
from attacks.near_corners import NearCorners
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

DETACHED, BLUNTER = ASSG(), ASSG(half=0.42)
BLUNTER_ATTACHED = ASSG(half=0.42, reset="attached")
"""Dropping the gradient of the reset is stronger on most of the zoo, keeping it on networks converted with a soft reset."""

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


def walks(attached_steps: int) -> tuple[Stage, ...]:
    """Along gradients, from random starts. attached_steps: of the stage along the blunter attached path."""
    return (
        FIRST,
        Stage("PGD-20, ASSG", PGD(steps=20), DETACHED),
        Stage("SA-PGD-50, ASSG", SAPGD(steps=50), DETACHED),
        Stage("SA-PGD, ASSG", SAPGD(steps=100), DETACHED),
        Stage("SA-PGD-margin, blunter ASSG", SAPGD(steps=100, objective=MARGIN), BLUNTER),
        Stage(f"SA-PGD-{attached_steps}, blunter attached ASSG", SAPGD(steps=attached_steps), BLUNTER_ATTACHED),
        Stage("SA-PGD-50, last step", SAPGD(steps=50), LastStep(width=0.5)),
        *(Stage(f"PGD-20, {name}", PGD(steps=20), path) for name, path in OTHER_PATHS.items()),
    )


WALKS, WALKS_ELSEWHERE = walks(50), walks(200)
"""In linf, where 200 steps along the attached path broke next to nothing that 50 had left, and elsewhere."""

CORNERS: tuple[Stage, ...] = (
    Stage("corners", LearningCorners(queries=5000), BLUNTER),
    Stage("near corners, attached", NearCorners(queries=3000), BLUNTER_ATTACHED),
    Stage("near corners", NearCorners(queries=3000), BLUNTER),
    Stage("near corners, sharper", NearCorners(queries=3000), DETACHED),
)
"""From the best point that all stages before have reached. Each goes on where the one before has ended, and learns anew."""

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


def walks_under(kind: type[Threat]) -> tuple[Stage, ...]:
    """Those under a kind of threat."""
    return WALKS if issubclass(kind, Linf) else WALKS_ELSEWHERE


def standard(kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
    """Under a threat on images."""
    return standard_of(walks_under(kind), traits, CORNERS)


def thorough(kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
    """Under a threat on images."""
    longest = Stage("corners, longer", LearningCorners(queries=10_000), DETACHED)
    return thorough_of(walks_under(kind), traits, (*CORNERS, longest))


def standard_of(walks: tuple[Stage, ...], traits: Traits, corners: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """What ``standard`` is made of, in any version since 4."""
    return (*walks, *of_input(traits), BRIEF_SQUARE, *corners)


def thorough_of(walks: tuple[Stage, ...], traits: Traits, corners: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """What ``thorough`` is made of, in any version since 4."""
    return (*walks, *LONGER, *of_input(traits), LONG_SQUARE, *corners)
