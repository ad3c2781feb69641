"""Local search over the places of events: single swaps, chosen by gradients and measured exactly.

It goes on where an ascent ends (:class:`~attacks.events.ascent.EventAscent`). In each round the gradient at the best point
names ``width`` cells that should be changed too, and ``width`` changes that could be undone. Each is tried by itself; then
the best 1, 2, 4 and 8 of both are exchanged together, and the best exchange is kept if the objective rises. A row for which
none does looks at the next ``width`` cells in the next round.

With ``company`` above 1 it looks at groups as well: where single events gave nothing, each of the candidates is tried
together with the neighbour that gains most, then with two of them, and so on, before the next candidates. A filter that
removes lonely events lets such groups pass.

It does for events what the corner search does for images: surrogate gradients point to where it is worth looking, and
what is believed is what the network answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.events.ascent import EventAscent
from attacks.events.company import in_company
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

    company: most events that are added as one group of neighbours. Raises ``ValueError`` for rounds below 0, and a width or
    company below 1.
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    rounds: int = 15
    width: int = 16
    company: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 0 or min(self.width, self.company) < 1:
            raise ValueError(
                "rounds must not be negative, and width and company at least 1, "
                f"got {self.rounds}, {self.width} and {self.company}"
            )

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Neighbours are those of frames (T, C, H, W)."""
        if self.company == 1 or len(shape) == 4:
            return None
        return f"{type(self).__name__} with company needs event frames (T, C, H, W), not inputs {tuple(shape)}"

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
        """One round for ``rows``. page: ``(n,)``, how many rounds were in vain since the last that was not."""
        clean, events = threat.events(x), threat.events(best.inputs[rows])
        slope = oracle.query(best.inputs[rows], rows, grad=True).slope.flatten(2).double()
        direction, gains = directions_and_gains(slope, events, threat.peak)
        changed = events != clean
        direction = torch.where(changed, (clean - events).sign(), direction)
        # Keys are positive on one side and 0 on the other, whose cells come last.
        keys = (gains - gains.flatten(1).amin(1)[:, None, None]).clamp_min(1e-12)
        added, undone = (self._page(torch.where(side, keys, 0.0), page // self.company) for side in (~changed, changed))
        groups = self._grouped(added, torch.where(changed | (events > 0), -torch.inf, gains), page, tuple(x.shape[1:]))
        groups = self._tried(oracle, threat, events, direction, groups, ~changed, rows, x)
        undone = self._tried(oracle, threat, events, direction, undone[..., None], changed, rows, x)[..., 0]
        budget = threat.budget(x)
        free = budget - changed.flatten(1).sum(1)
        size = 1 + page % self.company
        exchanges = []
        for number in TOGETHER:
            adds = at(groups[:, :number].flatten(1), events) & ~changed
            undos = _first(undone, (number * size - free).clamp_min(0), events) & changed
            swapped = events + direction * (adds | undos)
            exchanges.append(threat.as_inputs(threat.within(swapped.double(), clean, budget), x))
        answer = oracle.query(torch.cat(exchanges), rows.repeat(len(TOGETHER)), grad=False)
        best.update_from(torch.stack(exchanges), rows, answer)

    def _grouped(self, leaders: Tensor, gains: Tensor, page: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Groups ``(n, width, company)`` around ``leaders`` ``(n, width)``; in smaller ones the leader is named again.

        gains: ``(n, T, M)``, -inf for cells that do not come as company.
        """
        groups = in_company(leaders, gains, shape, self.company)
        smaller = torch.arange(self.company, device=page.device) > (page % self.company)[:, None, None]
        return torch.where(smaller, groups[..., :1], groups)

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
        groups: Tensor,
        side: Tensor,
        rows: Tensor,
        x: Tensor,
    ) -> Tensor:
        """``groups`` ``(n, width, size)`` by the objective of their change alone, the highest first.

        Those whose first cell is off the side come last.
        """
        values = tried(oracle, threat, events, direction, groups, rows, x).value
        values = torch.where(side.flatten(1).gather(1, groups[..., 0]), values, -torch.inf)
        order = values.argsort(dim=1, descending=True, stable=True)
        return groups.gather(1, order[..., None].expand_as(groups))


def _first(cells: Tensor, number: Tensor, like: Tensor) -> Tensor:
    """Mask like ``like`` ``(n, T, M)`` of the first ``number`` ``(n,)`` of ``cells`` ``(n, width)``."""
    wanted = torch.arange(cells.shape[1], device=cells.device) < number[:, None]
    flat = torch.zeros_like(like, dtype=torch.bool).flatten(1)
    return flat.long().scatter_add(1, cells, wanted.long()).view_as(like) > 0
