"""Search without gradients among the flips that the budget allows, after Sparse-RS (Croce et al., AAAI 2022).

A row always spends its whole budget: a slot holds the cell of one flip (:mod:`attacks.events.slots`), and moves anywhere, or
one cell further in time, row, column or polarity. Because it never looks at a gradient, it exposes models whose gradients
are hidden.

Few cells of a recording hold an event, and an event far from all others is what filters remove. With ``near`` a share of the
new cells is drawn from the events and their surroundings, whatever the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.events.slots import Build, Draw, SlotSearch, beside
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0

STEPS = 2
"""Cells between an event and a cell that is drawn near it, at most."""


@dataclass(frozen=True, kw_only=True)
class FlipSearch(SlotSearch):
    """Random local search over cells.

    queries, share: see the base. near: share of the new cells that are drawn as an event of the recording, moved by one cell
    in up to two of time, row, column and polarity. Raises ``ValueError`` for a share outside of [0, 1].
    """

    near: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.near <= 1:
            raise ValueError(f"near must be a share in [0, 1], got {self.near}")

    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The grid itself."""
        return shape

    def slots(self, budget: Tensor, shape: tuple[int, ...]) -> Tensor:
        """One for each change that the budget allows."""
        return budget

    def drawing(self, grid: EventsL0, x: Tensor, most: int) -> Draw:
        """Evenly, or near an event. See the base."""
        evenly = super().drawing(grid, x, most)
        if not self.near:
            return evenly
        there, shape = grid.events(x).flatten(1) > 0, tuple(x.shape[1:])
        number = there.sum(1, keepdim=True)
        places = there.to(torch.uint8).argsort(dim=1, descending=True, stable=True)

        def draw(rows: Tensor, rng: KeyedRng) -> Tensor:
            event = (rng.fold("event").uniform(most).to(x.device) * number[rows]).long()
            cells = places[rows].gather(1, event)
            for step in range(STEPS):
                moving = rng.fold("moving", step).uniform(most).to(x.device) < 0.5
                cells = torch.where(moving, beside(cells, shape, rng.fold("step", step)), cells)
            near = (rng.fold("near").uniform(most).to(x.device) < self.near) & (number[rows] > 0)
            return torch.where(near, cells, evenly(rows, rng))

        return draw

    def building(self, grid: EventsL0, x: Tensor, number: Tensor, rng: KeyedRng) -> Build:
        """Cells are changed by one event, in the direction that each can take. See the base."""
        events = grid.events(x)
        changed = grid.as_inputs(events + grid.directions(events, rng.fold("directions")), x).flatten(1)

        def build(cells: Tensor, rows: Tensor) -> Tensor:
            return _with_flips(x[rows], changed, rows, cells, number[rows])

        return build


def _with_flips(x: Tensor, changed: Tensor, rows: Tensor, cells: Tensor, budget: Tensor) -> Tensor:
    """Inputs ``x`` ``(n, T, ...)`` with the first ``budget`` ``(n,)`` of ``cells`` ``(n, most)`` as in ``changed[rows]``."""
    used = torch.arange(cells.shape[1], device=cells.device) < budget[:, None]
    # An unused slot repeats the first used one, so that the number of slots of the batch does not matter.
    places = torch.where(used, cells, cells[:, :1])
    flat = x.flatten(1)
    values = torch.where((budget > 0)[:, None], changed[rows[:, None], places], flat.gather(1, places))
    return flat.scatter(1, places, values).view_as(x)
