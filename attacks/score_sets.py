"""The stages of ``quick``, ``standard`` and ``thorough`` on models that score.

A score is moved, never broken, so no sample leaves: an evaluator runs each stage twice, to raise scores and to lower them.
Every stage hands down each sample's best point of its own way, and the last ones go on from it.

Stages were chosen on validation photographs. ``python -m reports.score_stages`` measures how much farther three times the
budget gets.
"""

from __future__ import annotations

from attacks.apgd import APGD
from attacks.base import Stage
from attacks.gradients.base import Training
from attacks.mifgsm import MIFGSM
from attacks.pgd import PGD
from attacks.square import Square
from attacks.warm_apgd import WarmAPGD

FIRST = Stage("PGD-10", PGD(steps=10), Training())

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("APGD", APGD(steps=25), Training()),
    Stage("warm APGD", WarmAPGD(steps=25), Training()),
)
"""60 pairs each way."""

STANDARD: tuple[Stage, ...] = (
    FIRST,
    Stage("MI-FGSM-50", MIFGSM(steps=50), Training()),
    Stage("APGD, restarts", APGD(steps=50, restarts=2), Training()),
    Stage("Square", Square(queries=500)),
    Stage("APGD-400", APGD(steps=400), Training()),
    Stage("warm APGD", WarmAPGD(steps=100, restarts=3), Training()),
)
"""860 pairs and 500 further forwards each way. Square comes before what starts from the best point: where it gets farthest,
gradients are hidden, and the walks that follow begin there."""

THOROUGH: tuple[Stage, ...] = (
    *STANDARD[:3],
    Stage("Square", Square(queries=2000)),
    STANDARD[4],
    Stage("APGD-400, restarts", APGD(steps=400, restarts=4), Training()),
    Stage("warm APGD, longer", WarmAPGD(steps=200, restarts=5), Training()),
)
