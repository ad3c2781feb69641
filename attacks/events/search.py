"""Search without gradients among the flips that the budget allows, after Sparse-RS (Croce et al., AAAI 2022).

A row always spends its whole budget: a slot holds the cell of one flip (:mod:`attacks.events.slots`), and moves anywhere, or
one cell further in time, row, column or polarity. Because it never looks at a gradient, it exposes models whose gradients
are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.events.slots import Build, SlotSearch
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0


@dataclass(frozen=True, kw_only=True)
class FlipSearch(SlotSearch):
    """Random local search over cells. queries, share: see the base."""

    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The grid itself."""
        return shape

    def slots(self, budget: Tensor, shape: tuple[int, ...]) -> Tensor:
        """One for each change that the budget allows."""
        return budget

    def building(self, grid: EventsL0, x: Tensor, number: Tensor, rng: KeyedRng) -> Build:
        """Cells are changed by one event, in the direction that each can take. See the base."""
        direction = grid.directions(x, rng.fold("directions"))

        def build(cells: Tensor, rows: Tensor) -> Tensor:
            return _with_flips(grid, x[rows], cells, direction[rows], number[rows])

        return build


def _with_flips(grid: EventsL0, x: Tensor, cells: Tensor, direction: Tensor, budget: Tensor) -> Tensor:
    """Inputs ``(n, T, ...)`` with the first ``budget`` ``(n,)`` of ``cells`` ``(n, most)`` changed in their direction."""
    used = torch.arange(cells.shape[1], device=cells.device) < budget[:, None]
    # An unused slot repeats the first used one, so that the number of slots of the batch does not matter.
    places = torch.where(used, cells, cells[:, :1])
    events = grid.events(x)
    flat = torch.zeros_like(events, dtype=torch.bool).flatten(1).scatter(1, places, True).view_as(events)
    flat &= (budget > 0)[:, None, None]
    return grid.as_inputs(events + direction * flat, x)
