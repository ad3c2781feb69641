"""The fewest events whose change is seen to break a sample: a search within a budget, then within ever smaller ones.

A swap search (:mod:`attacks.events.swaps`) with the whole budget either breaks a sample or leaves it. In what broke it,
every change is undone that can be spared. The budget is then bisected between the largest with which the search failed and
the fewest changes that were enough, sample by sample, until the two are neighbours.

What is found is an upper bound of the least that there is: a search that fails with a budget proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Attack, Kind
from attacks.events.ascent import unit_mean
from attacks.events.swaps import SwapSearch
from attacks.events.undoing import Undoing
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import per_row, places
from attacks.threats.events_l0 import EventsL0, as_events
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class FewestEvents(Attack):
    """Bisection of the budget of a swap search.

    steps: gradient steps of each search. rounds, width: of its swaps. tries: most budgets tried after the first; enough
    for any budget below ``2 ** tries``. Raises ``ValueError`` for tries below 0, and what
    :class:`~attacks.events.swaps.SwapSearch` refuses.
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)
    kind: ClassVar[Kind] = "minimal"
    moves_scores: ClassVar[bool] = False

    steps: int = 20
    rounds: int = 3
    width: int = 8
    tries: int = 8

    def __post_init__(self) -> None:
        if self.tries < 0:
            raise ValueError(f"tries must not be negative, got {self.tries}")
        self._search()

    def _search(self) -> SwapSearch:
        return SwapSearch(steps=self.steps, rounds=self.rounds, width=self.width, objective="margin")

    def cost(self) -> tuple[int, int]:
        """Of the search with the whole budget, and a gradient at what it found."""
        forwards, backwards = self._search().cost()
        return forwards + 1, backwards + 1

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The misclassified input ``(n, T, ...)`` of fewest changes that was met, or the clean one. See the base."""
        self.require_fit(oracle, x, threat)
        grid = as_events(threat)
        bounds = _Bounds(grid, x, grid.events(x))
        rows, budgets = torch.arange(len(x), device=x.device), grid.budget(x)
        for attempt in range(self.tries + 1):
            rows = rows[budgets[rows] > 0]
            if not len(rows):
                break
            self._try(oracle.using(objective=Margin()), bounds, rows, budgets[rows], rng.fold("try", attempt))
            rows, budgets = bounds.open(), bounds.middle()
        return bounds.best()

    def _try(self, oracle: Oracle, bounds: _Bounds, rows: Tensor, budgets: Tensor, rng: KeyedRng) -> None:
        """Search within ``budgets`` ``(m,)`` for ``rows`` ``(m,)``, and move their bounds."""
        x, asked = bounds.x[rows], oracle.subset(rows)
        ball = bounds.threat.rows(rows).with_radius(budgets.to(x.dtype))
        adv = self._search().perturb(asked, x, ball, rng=rng.rows(rows))
        answer = asked.query(adv, torch.arange(len(rows), device=x.device), grad=True)
        fooled = answer.broken | (answer.value > 0)
        which = places(fooled)
        if len(which):
            undoing = Undoing(asked, bounds.threat, x[which], which, bounds.clean[rows[which]])
            effect = unit_mean(answer.slope[which].flatten(2).double()).abs()
            bounds.lower(rows[which], undoing.fewest(bounds.threat.events(adv[which]), effect))
        bounds.raise_floor(rows[~fooled], budgets[~fooled])


@dataclass
class _Bounds:
    """What is known of each row.

    clean: events ``(n, T, M)``. events: of the best input. floor: the largest budget with which a search failed ``(n,)``.
    fewest: changes of the best input ``(n,)``, 0 while there is none.
    """

    threat: EventsL0
    x: Tensor
    clean: Tensor
    events: Tensor = field(init=False)
    floor: Tensor = field(init=False)
    fewest: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.events = self.clean
        self.floor = torch.zeros(len(self.x), dtype=torch.int64, device=self.x.device)
        self.fewest = torch.zeros_like(self.floor)

    def lower(self, rows: Tensor, events: Tensor) -> None:
        """``events`` ``(m, T, M)`` of ``rows`` are misclassified, and change less than the best did."""
        self.events = self.events.index_copy(0, rows, events)
        self.fewest = self.fewest.index_copy(0, rows, (events - self.clean[rows]).abs().flatten(1).sum(1))

    def raise_floor(self, rows: Tensor, budgets: Tensor) -> None:
        """Searches for ``rows`` failed with ``budgets`` ``(m,)``."""
        self.floor = self.floor.index_copy(0, rows, budgets)

    def middle(self) -> Tensor:
        """The budget between the bounds of each row ``(n,)``."""
        return (self.floor + self.fewest) // 2

    def open(self) -> Tensor:
        """Rows ``(m,)`` between whose bounds a budget is left."""
        return places(self.fewest > self.floor + 1)

    def best(self) -> Tensor:
        """Inputs ``(n, T, ...)``."""
        return torch.where(per_row(self.fewest > 0, self.x), self.threat.as_inputs(self.events, self.x), self.x)
