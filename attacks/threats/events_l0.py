"""Events added and removed, so many in all: the threat of SCG, SpikeFool and SDA.

On a binary grid an event added or removed is a cell changed, and the distance is the l0 norm of the change. On a grid of
counts (:class:`EventCounts`) the distance is the number of events that were added and removed: a cell may change by more
than one, and pays for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.subsets import random_subset
from attacks.threats.event_grid import EventGrid, best_cells, leading
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class EventsL0(EventGrid):
    """At most eps cells of a binary grid changed. eps: a number from 1, 0, or below 1 a share of each sample's events."""

    name: ClassVar[str] = "events_l0"
    text: ClassVar[str] = "at most so many cells of the event grid may change, or a share of the sample's events"
    usual_eps: ClassVar[str | None] = "2%"

    def distance(self, adv: Tensor, x: Tensor) -> Tensor:
        """Events added and removed ``(n,)``, between ``(n, T, ...)`` each; not a number where ``adv`` is none.

        Whole events are counted: a sum of cells of ``1 / peak`` in float32 would exceed a budget by its rounding.
        """
        changed = (self.events(adv) - self.events(x)).abs().flatten(1).sum(1).to(x.dtype)
        return torch.where(adv.flatten(1).isnan().any(1), torch.nan, changed)

    def within(self, towards: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """The largest changes, as many as the budget allows; one that it allows in part is made in part. See the base."""
        change = (towards.round().long() - clean).flatten(1)
        keys = torch.where(change == 0, 0.0, (towards - clean).flatten(1).abs())
        # Every change costs at least one event, so that no more of them than the budget can be afforded.
        order = leading(keys, int(budget.max()) if len(budget) else 0)
        cost = change.abs().gather(1, order)
        left = budget[:, None] - (cost.cumsum(1) - cost)
        affordable = torch.zeros_like(change).scatter(1, order, torch.minimum(cost, left.clamp_min(0)))
        return clean + (change.sign() * affordable).view_as(clean)

    def following(self, scores: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """The changes by one event that gain most, one a cell: on a binary grid exactly the highest sum. See the base."""
        direction, gains = directions_and_gains(scores, clean, self.peak)
        return clean + direction * best_cells(gains, budget)

    def directions(self, events: Tensor, rng: KeyedRng) -> Tensor:
        """The change by one event that each cell of ``events`` ``(n, T, M)`` can take: -1 or 1.

        Where a cell can take both, as on a grid of counts, one of them is drawn.
        """
        upwards = events <= 0
        if self.peak > 1:
            drawn = (rng.uniform(*events.shape[1:]) < 0.5).to(events.device)
            upwards |= drawn & (events < self.peak)
        return torch.where(upwards, 1, -1)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """As many distinct cells as the budget allows, drawn evenly, changed by one event each: ``(n, T, ...)``."""
        events = self.events(x)
        cells = events.shape[1] * events.shape[2]
        chosen = random_subset(rng.fold("cells"), self.budget(x), cells).to(x.device).view_as(events)
        if self.peak == 1:
            return self.as_inputs((events > 0) ^ chosen, x)
        changed = events + self.directions(events, rng.fold("directions"))
        return self.as_inputs(torch.where(chosen, changed, events), x)


def directions_and_gains(scores: Tensor, events: Tensor, peak: int) -> tuple[Tensor, Tensor]:
    """The better change by one event of each cell, -1 or 1, and how much of its score it gains: ``(n, T, M)`` each.

    scores, events: ``(n, T, M)``. On a binary grid (peak 1) a cell can change in one way only.
    """
    upwards = events <= 0
    if peak > 1:
        upwards |= (events < peak) & (scores >= 0)
    return torch.where(upwards, 1, -1), torch.where(upwards, scores, -scores)


def as_events(threat: Threat) -> EventsL0:
    """``threat`` itself, for a search that adds and removes events. Raises ``ValueError`` if it does not allow that."""
    if not isinstance(threat, EventsL0):
        raise ValueError(f"{threat.name} does not allow events to be added and removed")
    return threat


@dataclass(frozen=True, kw_only=True)
class EventCounts(EventsL0):
    """At most eps events added and removed on a grid of counts, whose cells hold ``events / 255``."""

    name: ClassVar[str] = "event_counts"
    text: ClassVar[str] = "at most so many events may be added or removed in all, or a share of the sample's events"
    peak: ClassVar[int] = 255
