"""Gradient ascent over whole events: each iterate is the point of the ball that the gradients seen so far favour most.

Frames of events have no small steps, so the walk is one of Frank and Wolfe's kind: gradients of the objective, each divided
by its mean size, are averaged with a decay, and the threat answers with the events in its ball that gain most by the average
(:meth:`~attacks.threats.event_grid.EventGrid.following`): the k cells of largest gain in l0, the best moves in time for
retiming. It is what PGD is to images. With one step (:class:`TopK`) it flips the k cells of largest gradient at the clean
input, the FGSM of events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import Walks
from attacks.rows import per_row, places
from attacks.threats.event_grid import EventGrid
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class EventAscent(Walks[EventGrid]):
    """Follows averaged gradients from event frame to event frame.

    decay: weight of the earlier gradients at each step. explore: standard deviation of normal noise on the average, in units
    of its mean size, that a row gets whose last step changed nothing. random_start: whether the first walk, too, starts at a
    random point of the ball. Raises ``ValueError`` for a decay outside [0, 1] and a negative explore.
    """

    threats: ClassVar[ThreatKinds] = (EventGrid,)

    steps: int = 20
    decay: float = 0.9
    explore: float = 1.0
    random_start: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.decay <= 1 or not self.explore >= 0:
            raise ValueError(f"decay must be in [0, 1] and explore not negative, got {self.decay} and {self.explore}")

    def ball(self, threat: Threat) -> EventGrid:
        """``threat`` on a grid of events."""
        return as_grid(threat)

    def walk(
        self, oracle: Oracle, x: Tensor, threat: EventGrid, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: ``steps`` gradients, and a last look. See the base."""
        clean = x[rows]
        adv = clean if first and not self.random_start else threat.rows(rows).random(clean, rng.rows(rows))
        average = torch.zeros_like(clean, dtype=torch.float64)
        for step in range(self.steps):
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, adv, average = rows[going], clean[going], adv[going], average[going]
            if not len(rows):
                return
            average = self.decay * average + unit_mean(answer.slope[going].double())
            ball, streams = threat.rows(rows), rng.rows(rows).fold("explore", step)
            following = _following(ball, average, clean)
            stuck = (following == adv).flatten(1).all(1)
            if self.explore and bool(stuck.any()):
                which = places(stuck)
                shaken = self._shaken(average[which], streams.rows(which))
                following[which] = _following(ball.rows(which), shaken, clean[which])
            adv = following
        best.update(adv, rows, oracle.query(adv, rows, grad=False))

    def _shaken(self, average: Tensor, rng: KeyedRng) -> Tensor:
        noise = rng.normal(*average.shape[1:]).to(average)
        return average + per_row(average.flatten(1).abs().mean(1), average) * self.explore * noise


@dataclass(frozen=True, kw_only=True)
class TopK(EventAscent):
    """One gradient at the clean input, and the changes that gain most by it."""

    steps: int = 1


def as_grid(threat: Threat) -> EventGrid:
    """``threat`` itself, for a search over events. Raises ``ValueError`` if it is on no grid of events."""
    if not isinstance(threat, EventGrid):
        raise ValueError(f"{threat.name} is not on a grid of events")
    return threat


def unit_mean(gradient: Tensor) -> Tensor:
    """``gradient`` ``(n, ...)`` divided by the mean size of its entries; a row of zeros stays."""
    size = gradient.flatten(1).abs().mean(1)
    return gradient / per_row(torch.where(size > 0, size, 1.0), gradient)


def _following(threat: EventGrid, scores: Tensor, clean: Tensor) -> Tensor:
    return threat.as_inputs(threat.following(scores.flatten(2), threat.events(clean), threat.budget(clean)), clean)
