"""Stages that attack sets on several kinds of models share."""

from __future__ import annotations

from attacks.base import Stage
from attacks.fitting import Traits
from attacks.gradients.assg import ASSG
from attacks.gradients.base import Training
from attacks.gradients.bpda import BPDA
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.square import Square

CE, DLR, MARGIN = "ce", "dlr", "margin"

FIRST = Stage("PGD-10", PGD(steps=10), Training())
"""Cheap, and enough for most samples of an undefended model."""

CODED: tuple[Stage, ...] = (
    Stage("SA-PGD-50, blunter ASSG, straight-through code", SAPGD(steps=50), ASSG(half=0.42, coding="straight_through")),
    Stage("SA-PGD-50, blunter ASSG, masked code", SAPGD(steps=50), ASSG(half=0.42, coding="masked")),
    Stage("SA-PGD-50, blunter ASSG, smooth code", SAPGD(steps=50), ASSG(half=0.42, coding="smooth")),
)
"""For models that send intensities as spikes: a code must not count as robust because it hides its gradient."""

ROUNDED: tuple[Stage, ...] = (
    Stage("SA-PGD-50, rounding passed", SAPGD(steps=50), BPDA()),
    Stage("SA-PGD-margin, rounding passed", SAPGD(steps=100, objective=MARGIN), BPDA(half=0.42)),
)
"""For models that round their input, whose own gradient is zero."""

BRIEF_SQUARE = Stage("Square", Square(queries=300))
"""From a cold start Square breaks next to nothing that gradients leave: it is there to show where they are hidden, and
comes before the search that starts from what they have reached."""

LONG_SQUARE = Stage("Square", Square(queries=5000))


def of_input(traits: Traits) -> tuple[Stage, ...]:
    """Stages for what a model does to its input first."""
    return (*(CODED if traits.coded else ()), *(ROUNDED if traits.rounds else ()))
