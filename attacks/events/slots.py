"""Search without gradients over slots, each of which holds a place in a table, after Sparse-RS (Croce et al., AAAI 2022).

What a place stands for is the attack's: a cell to flip, a dash to draw. Each query gives some slots of a row another place,
half of them anywhere and half the next along an axis of the table, and the change is kept unless the margin falls. Fewer
and fewer slots are moved as the queries are spent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
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
"""Shares of the queries after which half as many slots are moved."""

Build = Callable[[Tensor, Tensor], Tensor]
"""From places ``(m, slots)`` and the rows ``(m,)`` that they are for to inputs ``(m, T, ...)``."""
Draw = Callable[[Tensor, KeyedRng], Tensor]
"""From rows ``(m,)`` and their streams to new places ``(m, slots)``."""


@dataclass(frozen=True, kw_only=True)
class SlotSearch(Attack):
    """Random local search over the places of slots.

    queries: forwards per sample. share: of its slots that a row moves at first.
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

    @abstractmethod
    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Axes of the table of places for inputs of ``shape`` (T, ...)."""

    @abstractmethod
    def slots(self, budget: Tensor, shape: tuple[int, ...]) -> Tensor:
        """How many slots rows of ``budget`` ``(n,)`` have, ``(n,)`` int64, all of which count."""

    @abstractmethod
    def building(self, grid: EventsL0, x: Tensor, number: Tensor, rng: KeyedRng) -> Build:
        """How places become inputs in the ball around ``x`` ``(n, T, ...)``. number: of slots, ``(n,)``."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The candidate ``(n, T, ...)`` of the highest objective, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        if isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        grid, best, shape = as_events(threat), Best.starting_at(x), tuple(x.shape[1:])
        if not len(x):
            return best.inputs
        number = self.slots(grid.budget(x), shape)
        build = self.building(grid, x, number, rng)
        draw = self.drawing(grid, x, max(1, int(number.max())))
        held = draw(torch.arange(len(x), device=x.device), rng.fold("first"))
        for query in range(self.queries):
            rows = best.standing()
            if not len(rows):
                break
            streams = rng.rows(rows).fold("query", query)
            if query == 0:
                candidate = held[rows]
            else:
                anywhere = draw(rows, streams.fold("where"))
                candidate = self._moved(held[rows], anywhere, number[rows], self.table(shape), query, streams)
            adv = build(candidate, rows)
            before = best.value[rows]
            answer = oracle.query(adv, rows, grad=False)
            best.update(adv, rows, answer)
            # Equal margins are kept too: where a forward is piecewise constant, a search must be able to drift.
            kept = answer.value >= before
            held[rows[kept]] = candidate[kept]
        return best.inputs

    def drawing(self, grid: EventsL0, x: Tensor, most: int) -> Draw:
        """How new places ``(m, most)`` are drawn for rows of ``x`` ``(n, T, ...)``: evenly from the table."""
        total = prod(self.table(tuple(x.shape[1:])))
        return lambda rows, rng: drawn_places(rng, most, total).to(x.device)

    def _moved(
        self, held: Tensor, anywhere: Tensor, number: Tensor, table: tuple[int, ...], query: int, rng: KeyedRng
    ) -> Tensor:
        """``held`` ``(n, most)`` with some of the first ``number`` ``(n,)`` moved, half of them ``anywhere``."""
        halved = self.share / 2 ** sum(query > at * self.queries for at in _HALVINGS)
        wanted = (halved * number).ceil().clamp_min(1)
        # Each slot is moved with the probability that moves so many on average, and one slot is always moved.
        draws = rng.fold("which").uniform(held.shape[1]).to(held.device)
        one = (rng.fold("one").uniform(1).to(held.device) * number[:, None]).long()
        moving = (draws * number[:, None] < wanted[:, None] - 1) | (torch.arange(held.shape[1], device=held.device) == one)
        near = beside(held, table, rng.fold("beside"))
        far = rng.fold("far").uniform(held.shape[1]).to(held.device) < 0.5
        return torch.where(moving, torch.where(far, anywhere, near), held)


def drawn_places(rng: KeyedRng, number: int, total: int) -> Tensor:
    """``(n, number)`` places from 0 to ``total``, drawn evenly, a few perhaps twice."""
    return (rng.uniform(number).double() * total).long().clamp_max(total - 1)


def beside(places: Tensor, table: tuple[int, ...], rng: KeyedRng) -> Tensor:
    """The next or previous place of each of ``places`` along an axis of ``table`` drawn evenly, around the edges."""
    axis = (rng.fold("axis").uniform(places.shape[1]).to(places.device) * len(table)).long()
    step = torch.where(rng.fold("step").uniform(places.shape[1]).to(places.device) < 0.5, 1, -1)
    sizes = torch.tensor(table, device=places.device)
    strides = torch.tensor([prod(table[k + 1 :]) for k in range(len(table))], device=places.device)
    size, stride = sizes[axis], strides[axis]
    at = places // stride % size
    return places + ((at + step) % size - at) * stride
