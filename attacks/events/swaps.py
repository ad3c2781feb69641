"""Local search over the places of events: single swaps, chosen by gradients and measured exactly.

It goes on where an ascent ends (:class:`~attacks.events.ascent.EventAscent`). In each round the gradient at the best point
names ``width`` cells that should be changed too, and ``width`` changes that could be undone. Each is tried by itself; then
the best 1, 2, 4 and 8 of both are exchanged together, and the best exchange is kept if the objective rises. A row for which
none does looks at the next ``width`` cells in the next round.

It does for events what the corner search does for images: surrogate gradients point to where it is worth looking, and
what is believed is what the network answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.events.ascent import EventAscent
from attacks.events.flips import at, tried
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.event_grid import EventGrid, leading
from attacks.threats.events_l0 import EventsL0, as_events, directions_and_gains
from attacks.threats.threat import ThreatKinds

TOGETHER = (1, 2, 4, 8)
"""Numbers of swaps that are tried together."""


@dataclass(frozen=True, kw_only=True)
class SwapSearch(EventAscent):
    """An ascent, then ``rounds`` rounds of swaps among ``width`` candidates on each side.

    Raises ``ValueError`` for rounds below 0 and a width below 1.
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    rounds: int = 15
    width: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 0 or self.width < 1:
            raise ValueError(f"rounds must not be negative and width at least 1, got {self.rounds} and {self.width}")

    def cost(self) -> tuple[int, int]:
        """Of the ascent, and in each round a gradient, all candidates and all exchanges."""
        forwards, backwards = super().cost()
        rounds = self.restarts * self.rounds
        return forwards + rounds * (1 + 2 * self.width + len(TOGETHER)), backwards + rounds

    def walk(
        self, oracle: Oracle, x: Tensor, threat: EventGrid, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From one start: the ascent, then swaps at the best point of each row that stands. See the base."""
        super().walk(oracle, x, threat, rng, rows, best, first=first)
        grid = as_events(threat)
        page = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for _ in range(self.rounds):
            rows = rows[~best.broken[rows]]
            if not len(rows):
                return
            before = best.value[rows]
            self._round(oracle, grid.rows(rows), x[rows], rows, page[rows], best)
            risen = best.value[rows] > before
            page[rows] = torch.where(risen, 0, page[rows] + 1)

    def _round(self, oracle: Oracle, threat: EventsL0, x: Tensor, rows: Tensor, page: Tensor, best: Best) -> None:
        """One round for ``rows``. page: ``(n,)``, how many candidates, in widths, have been looked at in vain."""
        clean, events = threat.events(x), threat.events(best.inputs[rows])
        slope = oracle.query(best.inputs[rows], rows, grad=True).slope.flatten(2).double()
        direction, gains = directions_and_gains(slope, events, threat.peak)
        changed = events != clean
        direction = torch.where(changed, (clean - events).sign(), direction)
        # Keys are positive on one side and 0 on the other, whose cells come last.
        keys = (gains - gains.flatten(1).amin(1)[:, None, None]).clamp_min(1e-12)
        added, undone = (
            self._tried(oracle, threat, events, direction, self._page(torch.where(side, keys, 0.0), page), side, rows, x)
            for side in (~changed, changed)
        )
        budget = threat.budget(x)
        free = budget - changed.flatten(1).sum(1)
        exchanges = []
        for number in TOGETHER:
            adds = at(added[:, :number], events) & ~changed
            undos = _first(undone, (number - free).clamp_min(0), events) & changed
            swapped = events + direction * (adds | undos)
            exchanges.append(threat.as_inputs(threat.within(swapped.double(), clean, budget), x))
        answer = oracle.query(torch.cat(exchanges), rows.repeat(len(TOGETHER)), grad=False)
        best.update_from(torch.stack(exchanges), rows, answer)

    def _page(self, keys: Tensor, page: Tensor) -> Tensor:
        """The cells ``(n, width)`` of each row's page of keys ``(n, T, M)``, the largest first; around at their end."""
        order = leading(keys.flatten(1), (int(page.max()) + 1) * self.width)
        width = min(self.width, order.shape[1])
        return order.gather(1, (page[:, None] * width + torch.arange(width, device=keys.device)) % order.shape[1])

    def _tried(
        self,
        oracle: Oracle,
        threat: EventsL0,
        events: Tensor,
        direction: Tensor,
        cells: Tensor,
        side: Tensor,
        rows: Tensor,
        x: Tensor,
    ) -> Tensor:
        """``cells`` ``(n, width)`` by the objective of their change alone, the highest first, those off the side last."""
        values = tried(oracle, threat, events, direction, cells, rows, x).value
        values = torch.where(side.flatten(1).gather(1, cells), values, -torch.inf)
        return cells.gather(1, values.argsort(dim=1, descending=True, stable=True))


def _first(cells: Tensor, number: Tensor, like: Tensor) -> Tensor:
    """Mask like ``like`` ``(n, T, M)`` of the first ``number`` ``(n,)`` of ``cells`` ``(n, width)``."""
    wanted = torch.arange(cells.shape[1], device=cells.device) < number[:, None]
    flat = torch.zeros_like(like, dtype=torch.bool).flatten(1)
    return flat.long().scatter_add(1, cells, wanted.long()).view_as(like) > 0
