"""The stages of ``quick``, ``standard`` and ``thorough`` on event frames: what :mod:`attacks.standard` is to images.

They were chosen by what each search breaks of simulated *validation* recordings (``python -m reports.event_stages``): under
``events_l0`` nothing else broke any of the recordings that the swap search had left (5, 8 and 12 of 38 on three models).
"""

from __future__ import annotations

from attacks.base import Stage
from attacks.events.ascent import EventAscent
from attacks.events.retiming import SoftRetiming
from attacks.events.sda import SDA
from attacks.events.search import FlipSearch
from attacks.events.swaps import SwapSearch
from attacks.fitting import Traits
from attacks.gradients.assg import ASSG
from attacks.gradients.base import Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR
from attacks.threats.retime import Retiming
from attacks.threats.threat import Threat

MARGIN = "margin"
FIRST = Stage("event ascent-10", EventAscent(steps=10), Training())

QUICK: tuple[Stage, ...] = (
    FIRST,
    Stage("event ascent-50", EventAscent(steps=50), Training()),
)

OTHER_PATHS: tuple[Stage, ...] = (
    Stage("event ascent-20, blunter ASSG", EventAscent(steps=20), ASSG(half=0.42)),
    Stage("event ascent-20, PDSG", EventAscent(steps=20), PDSG()),
    Stage("event ascent-20, narrow triangle", EventAscent(steps=20), BPTT(surrogate="triangle", width=0.5)),
    Stage("event ascent-20, wide triangle", EventAscent(steps=20), BPTT(surrogate="triangle", width=2.0)),
    Stage("event ascent-20, BPTR", EventAscent(steps=20), BPTR()),
)
"""On the models of the zoo these broke nothing that the model's own path had not broken: they are for other models."""

STANDARD: tuple[Stage, ...] = (
    *QUICK,
    Stage("event ascent-margin-50", EventAscent(steps=50, objective=MARGIN), Training()),
    *OTHER_PATHS,
    Stage("swap search", SwapSearch(steps=50, rounds=20), Training()),
    Stage("soft retiming", SoftRetiming(steps=20), Training()),
    Stage("event ascent-margin-50, restarts", EventAscent(steps=50, restarts=4, objective=MARGIN), Training()),
    Stage("flip search", FlipSearch(queries=500)),
)

THOROUGH: tuple[Stage, ...] = (
    *STANDARD[:-1],
    Stage("event ascent-100, blunter ASSG, restarts", EventAscent(steps=100, restarts=5), ASSG(half=0.42)),
    Stage("event ascent-margin-200, restarts", EventAscent(steps=200, restarts=5, objective=MARGIN), Training()),
    Stage("swap search, restarts", SwapSearch(steps=100, restarts=4, rounds=30, width=32), Training()),
    Stage("swap search, PDSG", SwapSearch(steps=50, rounds=30), PDSG()),
    Stage("SDA", SDA(iterations=12), Training()),
    Stage("SDA, PDSG", SDA(iterations=12), PDSG()),
    Stage("flip search", FlipSearch(queries=5000)),
)


def suited(stages: tuple[Stage, ...], kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
    """Those of ``stages`` that make sense under a kind of threat and on such a model.

    SDA, swaps and the flip search add and remove events, soft retiming moves them. Paths that average over time say nothing
    about moves in time, and without spikes there is one path.
    """
    fit = (stage for stage in stages if issubclass(kind, stage.attack.threats))
    fit = (stage for stage in fit if traits.spiking or stage.path in (None, Training()))
    return tuple(stage for stage in fit if not (issubclass(kind, Retiming) and isinstance(stage.path, BPTR)))
