"""Search without gradients among the flips that the budget allows, after Sparse-RS (Croce et al., AAAI 2022).

A row always spends its whole budget. Each query gives some of its flips another place, half of them anywhere and half one
cell further in time, row, column or polarity, and the change is kept unless the margin falls. Fewer and fewer flips are
moved as the queries are spent. Because it never looks at a gradient, it exposes models whose gradients are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.objectives import Classification, Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0, as_events
from attacks.threats.threat import Threat, ThreatKinds

_HALVINGS = (0.02, 0.05, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which half as many flips are moved."""


@dataclass(frozen=True, kw_only=True)
class FlipSearch(Attack):
    """Random local search over cells.

    queries: forwards per sample. share: of its flips that a row moves at first.
    Raises ``ValueError`` for queries below 1 and a share outside of (0, 1].
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)
    access: ClassVar[Access] = "score"

    queries: int = 500
    share: float = 0.3

    def __post_init__(self) -> None:
        if self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(f"queries must be at least 1 and share in (0, 1], got {self.queries} and {self.share}")

    def cost(self) -> tuple[int, int]:
        """One forward per query."""
        return self.queries, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The candidate ``(n, T, ...)`` of the highest objective, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        if isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        grid = as_events(threat)
        best = Best.starting_at(x)
        budget = grid.budget(x)
        if not len(x):
            return best.inputs
        shape = (x.shape[1], *x.shape[2:])
        most = max(1, int(budget.max()))
        total = x[0].numel()
        cells = _places(rng.fold("first"), most, total)
        direction = grid.directions(x, rng.fold("directions"))
        for query in range(self.queries):
            rows = best.standing()
            if not len(rows):
                break
            streams = rng.rows(rows).fold("query", query)
            candidate = cells[rows] if query == 0 else self._moved(cells[rows], budget[rows], shape, query, streams)
            adv = _with_flips(grid, x[rows], candidate, direction[rows], budget[rows])
            before = best.value[rows]
            answer = oracle.query(adv, rows, grad=False)
            best.update(adv, rows, answer)
            # Equal margins are kept too: where a forward is piecewise constant, a search must be able to drift.
            kept = answer.value >= before
            cells[rows[kept]] = candidate[kept]
        return best.inputs

    def _moved(self, cells: Tensor, budget: Tensor, shape: tuple[int, ...], query: int, rng: KeyedRng) -> Tensor:
        """``cells`` ``(n, most)`` with some of the first ``budget`` ``(n,)`` at other places."""
        halved = self.share / 2 ** sum(query > at * self.queries for at in _HALVINGS)
        number = (halved * budget).ceil().clamp_min(1)
        # Each slot is moved with the probability that moves so many on average, and one slot is always moved.
        draws = rng.fold("which").uniform(cells.shape[1]).to(cells.device)
        one = (rng.fold("one").uniform(1).to(cells.device) * budget[:, None]).long()
        moving = (draws * budget[:, None] < number[:, None] - 1) | (torch.arange(cells.shape[1], device=cells.device) == one)
        total = int(torch.tensor(shape).prod())
        anywhere = _places(rng.fold("where"), cells.shape[1], total).to(cells.device)
        near = _beside(cells, shape, rng.fold("beside"))
        far = rng.fold("far").uniform(cells.shape[1]).to(cells.device) < 0.5
        return torch.where(moving, torch.where(far, anywhere, near), cells)


def _places(rng: KeyedRng, number: int, total: int) -> Tensor:
    """``(n, number)`` places from 0 to ``total``, drawn evenly, a few perhaps twice."""
    return (rng.uniform(number).double() * total).long().clamp_max(total - 1)


def _beside(cells: Tensor, shape: tuple[int, ...], rng: KeyedRng) -> Tensor:
    """The next or previous place of each cell along an axis of ``shape`` drawn evenly, around the edges."""
    axis = (rng.fold("axis").uniform(cells.shape[1]).to(cells.device) * len(shape)).long()
    step = torch.where(rng.fold("step").uniform(cells.shape[1]).to(cells.device) < 0.5, 1, -1)
    sizes = torch.tensor(shape, device=cells.device)
    strides = torch.tensor([int(sizes[k + 1 :].prod()) for k in range(len(shape))], device=cells.device)
    size, stride = sizes[axis], strides[axis]
    place = cells // stride % size
    return cells + ((place + step) % size - place) * stride


def _with_flips(grid: EventsL0, x: Tensor, cells: Tensor, direction: Tensor, budget: Tensor) -> Tensor:
    """Inputs ``(n, T, ...)`` with the first ``budget`` ``(n,)`` of ``cells`` ``(n, most)`` changed in their direction."""
    used = torch.arange(cells.shape[1], device=cells.device) < budget[:, None]
    # An unused slot repeats the first used one, so that the number of slots of the batch does not matter.
    places = torch.where(used, cells, cells[:, :1])
    events = grid.events(x)
    flat = torch.zeros_like(events, dtype=torch.bool).flatten(1).scatter(1, places, True).view_as(events)
    flat &= (budget > 0)[:, None, None]
    return grid.as_inputs(events + direction * flat, x)
