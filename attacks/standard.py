"""The parameter-free attack sets: ``quick``, ``standard`` and ``thorough``.

What AutoAttack (Croce and Hein, ICML 2020) is to smooth networks, these are to spiking ones. Every stage inherits the best
point of each sample (:mod:`attacks.inheritance`), and the last ones search corners of the ball from it
(:mod:`attacks.corners`). Stages were chosen by how many samples of the *validation* split each broke that the ones before
had left standing (``python -m reports.stages`` makes such a table). ``python -m reports.leftovers`` asks what three times
the budget still breaks.

This is version 6. It searches corners longer than version 5 (:mod:`attacks.standard_5`), learns where that moved blindly (in
l2, and without spikes), and stays with near samples (:mod:`attacks.near_corners`). After it, longer searches break at most
0.9% of the validation images on each of thirteen networks in linf and six in l2; five and one more, on which they broke
nothing after version 5, were not asked again. After version 5 they broke 2.5% on snn_mpd_sgr_at, 3.3% on ann_qcfs and 4.2%
on ann_nq. ``python -m reports.set_stages`` compares the versions stage by stage.

The stages on spiking models are those of :mod:`attacks.spiking_sets`, without spikes of :mod:`attacks.smooth_sets`, on
models that score of :mod:`attacks.score_sets`, and under threats on grids of events of :mod:`attacks.events.standard`. On
models without gradients Square is all that fits of these, and three more searches without gradients follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from attacks import score_sets, smooth_sets, spiking_sets
from attacks.apgd import APGD
from attacks.base import Stage
from attacks.boundary import ScoreBoundary
from attacks.cascade import Cascade
from attacks.common_stages import BRIEF_SQUARE, CE
from attacks.corners import BlindCorners
from attacks.events import standard as events
from attacks.fitting import Traits
from attacks.hopskipjump import HopSkipJump
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.threats.event_grid import EventGrid
from attacks.threats.threat import Threat

VERSION = 6
"""Of the attack sets; older ones stay callable, as ``standard@4``."""

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

BLIND_QUICK: tuple[Stage, ...] = (BRIEF_SQUARE,)


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
        """Those of :data:`attacks.spiking_sets.QUICK`, or what stands for it without spikes and on scores. Without gradients
        :data:`BLIND_QUICK` follows.
        """
        if issubclass(kind, EventGrid):
            return events.suited(events.QUICK, kind, traits)
        stages = score_sets.QUICK if traits.scores else spiking_sets.QUICK if traits.spiking else smooth_sets.QUICK
        return suited((*stages, *blind(traits, BLIND_QUICK)), kind)


@dataclass(frozen=True, kw_only=True)
class Standard(Cascade):
    """For publication: gradient paths, Square and searches of corners, each on what the ones before it have left.

    On a sample that survives everything, at most 540 pairs (690 with spike codes; 150 more in l2) and 14,200 further
    forwards on spiking models, and 1,190 pairs and 13,300 further forwards without spikes. Of these forwards most samples
    spend a fraction: they leave the searches of corners before their end. Without gradients 8,000 forwards, and an upper
    bound. On scores 760 pairs and 500 further forwards each way.
    """

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`attacks.spiking_sets.standard`, or what stands for it without spikes and on scores. Without gradients
        :data:`BLIND` follows.
        """
        if issubclass(kind, EventGrid):
            return events.suited(events.STANDARD, kind, traits)
        return suited((*self._of_images(kind, traits), *blind(traits, BLIND)), kind)

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return score_sets.STANDARD
        return spiking_sets.standard(kind, traits) if traits.spiking else smooth_sets.standard(traits)


@dataclass(frozen=True, kw_only=True)
class Thorough(Cascade):
    """Without a budget: more sharpnesses, restarts and queries. For a claim that must hold."""

    moves_scores: ClassVar[bool] = True
    version: ClassVar[int] = VERSION

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """:func:`attacks.spiking_sets.thorough`, or what stands for it without spikes and on scores. Without gradients
        :data:`BLIND` follows.
        """
        if issubclass(kind, EventGrid):
            return events.suited(events.THOROUGH, kind, traits)
        return suited((*self._of_images(kind, traits), *blind(traits, BLIND)), kind)

    def _of_images(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        if traits.scores:
            return score_sets.thorough(score_sets.STANDARD)
        return spiking_sets.thorough(kind, traits) if traits.spiking else smooth_sets.thorough(traits)
