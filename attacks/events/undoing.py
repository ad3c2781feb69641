"""Undoing what a misclassified input does not need: many changes at once by bisection, then one by one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.oracle import Oracle
from attacks.threats.event_grid import leading
from attacks.threats.events_l0 import EventsL0


@dataclass(frozen=True)
class Undoing:
    """Inputs that are misclassified, and where they came from; the objective is a margin.

    x: clean inputs ``(n, T, ...)``. rows: ``(n,)``, for which they stand at the oracle. clean: their events ``(n, T, M)``.
    """

    oracle: Oracle
    threat: EventsL0
    x: Tensor
    rows: Tensor
    clean: Tensor

    def fewest(self, events: Tensor, effect: Tensor) -> Tensor:
        """``events`` ``(n, T, M)``, misclassified, with as many cells as they were as leaves them so.

        effect: ``(n, T, M)``, not negative: what a change is thought to do; those of small effect are undone first. The
        longest run of these that a binary search finds is undone at once, and then each of the others that can be spared.
        """
        changed = (events != self.clean).flatten(1)
        number = changed.sum(1)
        order = leading(changed / (1 + effect.flatten(1)), int(number.max()) if len(number) else 0)
        events, spared = self._longest_prefix(events, order, number)
        for place in range(order.shape[1]):
            left = ((spared <= place) & (place < number)).nonzero()[:, 0]
            if len(left):
                events = self._spared(events, left, order[left, place : place + 1])
        return events

    def _longest_prefix(self, events: Tensor, order: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """``events`` without the longest prefix of ``order`` that a binary search finds, and its lengths ``(n,)``."""
        low, high = torch.zeros_like(number), number.clone()
        place = torch.arange(order.shape[1], device=order.device)
        everyone = torch.arange(len(number), device=order.device)
        while bool((low < high).any()):
            middle = (low + high + 1) // 2
            fooled = self._fooled(self._without(events, everyone, order, place < middle[:, None]), everyone)
            low, high = torch.where(fooled, middle, low), torch.where(fooled, high, middle - 1)
        return self._without(events, everyone, order, place < low[:, None]), low

    def _spared(self, events: Tensor, which: Tensor, cells: Tensor) -> Tensor:
        """``events`` with ``cells`` ``(m, 1)`` of the inputs ``which`` ``(m,)`` undone where these stay misclassified."""
        without = self._without(events, which, cells, torch.ones_like(cells, dtype=torch.bool))
        fooled = self._fooled(without, which)
        return events.index_copy(0, which[fooled], without[fooled])

    def _fooled(self, events: Tensor, which: Tensor) -> Tensor:
        """Whether ``events`` ``(m, T, M)`` of the inputs ``which`` ``(m,)`` are misclassified."""
        answer = self.oracle.query(self.threat.as_inputs(events, self.x[which]), self.rows[which], grad=False)
        return answer.broken | (answer.value > 0)

    def _without(self, events: Tensor, which: Tensor, cells: Tensor, undone: Tensor) -> Tensor:
        """Events of the inputs ``which`` with the clean ones at those of ``cells`` ``(m, k)`` where ``undone`` holds."""
        events = events[which]
        flat = torch.zeros_like(events, dtype=torch.bool).flatten(1).scatter(1, cells, undone).view_as(events)
        return torch.where(flat, self.clean[which], events)
