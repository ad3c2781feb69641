"""The stages of ``quick``, ``standard`` and ``thorough`` on models that score.

A score is moved, never broken, so no sample leaves: an evaluator runs each stage twice, to raise scores and to lower them.
Every stage hands down each sample's best point of its own way, and the last ones go on from it.

Stages were chosen on validation photographs. ``python -m reports.score_stages`` measures how much farther three times the
budget gets.
"""

from __future__ import annotations

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.common_stages import FIRST
from attacks.gradients.base import Training
from attacks.mifgsm import MIFGSM
from attacks.square import Square
from attacks.warm_apgd import WarmAPGD

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD", APGD(steps=25), Training()),
    Stage("warm APGD", WarmAPGD(steps=25), Training()),
)
"""60 pairs each way."""

STANDARD: tuple[Stage, ...] = (
    Stage("APGD-400", APGD(steps=400), Training()),
    FIRST,
    Stage("MI-FGSM-50", MIFGSM(steps=50), Training()),
    Stage("Square", Square(queries=500)),
    Stage("warm APGD-200", WarmAPGD(steps=200, first_step=2.0), Training()),
    Stage("warm APGD, shorter steps", WarmAPGD(steps=100, first_step=0.5), Training()),
)
"""760 pairs and 500 further forwards each way. A long APGD comes first, from the start that it has as an attack of its own:
no score moves less under the set than under ``apgd:steps=400``. Square comes before what starts from the best point: where
it gets farthest, gradients are hidden, and the walks that follow begin there."""

STANDARD_4: tuple[Stage, ...] = (
    FIRST,
    Stage("MI-FGSM-50", MIFGSM(steps=50), Training()),
    Stage("APGD-100, restarts", APGD(steps=100, restarts=2), Training()),
    Stage("Square", Square(queries=500)),
    Stage("warm APGD-400", WarmAPGD(steps=400, first_step=2.0), Training()),
    Stage("warm APGD, shorter steps", WarmAPGD(steps=100, first_step=0.5), Training()),
)
"""Of version 4, as long: on the validation photographs of one model APGD-400 got 0.1% farther."""

MORE: tuple[Stage, ...] = (
    Stage("APGD-400, restarts", APGD(steps=400, restarts=2), Training()),
    Stage("warm APGD, cycles", WarmAPGD(steps=100, restarts=7), Training()),
)


def thorough(standard: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """``standard`` with more queries of Square, and then twice its pairs."""
    longer = (Stage("Square", Square(queries=2000)) if stage.name == "Square" else stage for stage in standard)
    return (*longer, *MORE)
