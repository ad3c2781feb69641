"""Which events a filter keeps, and what one event more or less does to all that it keeps.

A filter of events is a staircase: most small changes of its output come from one event that appears or vanishes, and its
derivative is zero or undefined. On a grid of whole events there is something better than a derivative. An event that is
added or removed changes what is kept at its own pixel and next to it, nowhere else, so that the change of any weighted sum
of the filtered events is counted exactly for every cell at once (:meth:`SupportRule.slopes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SupportRule:
    """An event is kept if enough other pixels near it had one lately, and its own pixel had not too many.

    quantum: frames in one tick of the filter's clock. reach: rows and columns between a pixel and those that support it.
    memory: ticks before its own in which an event is supported. support: pixels that must have had an event, each counted
    once a tick. most: a pixel with more events in the recording, of both polarities together, is stuck, and none of its
    events are kept; None for no such limit. Events that are not kept support others all the same.
    """

    quantum: int = 1
    reach: int = 1
    memory: int = 1
    support: int = 1
    most: int | None = None

    def kept(self, x: Tensor) -> Tensor:
        """Whether events at each pixel and frame of ``x`` ``(N, T, C, H, W)`` are kept, ``(N, T, H, W)`` bool."""
        supported = self._supporters(self._by_tick(x > 0) > 0, x.dtype) >= self.support
        return self._by_frame(supported, x.shape[1]) & ~self._stuck(x)[:, None]

    def slopes(self, x: Tensor, weights: Tensor) -> Tensor:
        """By how much the sum of weights over what is kept rises per unit of each cell of ``x``, ``(N, T, C, H, W)`` each.

        The rise is that of one event: added where a cell is empty, removed where it is not. An event is worth the smallest
        positive cell of its recording, 1 on a binary grid.
        """
        there, frames = x > 0, x.shape[1]
        events = self._by_tick(there)
        supporters = self._supporters(events > 0, x.dtype)
        stuck, alive = self._stuck(x)[:, None], self._by_frame(supporters >= self.support, frames)
        worth = weights * x
        at_stake = self._by_tick(worth) * ~stuck
        # The support of a neighbour is at its limit: one pixel more revives its events, one pixel less removes them.
        revived = self._beside(at_stake * (supporters == self.support - 1)) * (events == 0)
        removed = self._beside(at_stake * (supporters == self.support)) * (events == 1)
        unit = torch.where(there, x, torch.inf).flatten(1).amin(1).view(-1, 1, 1, 1, 1).clamp_max(1)
        last = x < 1.5 * unit
        near = torch.where(there, self._by_frame(removed, frames)[:, :, None], self._by_frame(revived, frames)[:, :, None])
        return self._own(x, weights, worth, alive[:, :, None], unit * last) + near * last / unit

    def _own(self, x: Tensor, weights: Tensor, worth: Tensor, alive: Tensor, unit: Tensor) -> Tensor:
        """The part of :meth:`slopes` at the changed pixel itself. unit: of one event, 0 where a cell holds several."""
        own = weights * alive
        if self.most is None:
            return own
        total = (x > 0).sum((1, 2))[:, None, None]
        held = (worth * alive).sum((1, 2))[:, None, None]
        own = own * (total <= self.most)
        # One event more silences a pixel with as many as are allowed, one less frees a pixel with one too many.
        silenced = (x == 0) & (total == self.most)
        freed = (x > 0) & (total == self.most + 1) & (unit > 0)
        changed = torch.where(silenced, -held, worth * alive - held) / unit.clamp_min(torch.finfo(x.dtype).tiny)
        return torch.where(silenced | freed, changed, own)

    def _by_tick(self, values: Tensor) -> Tensor:
        """Sums of ``(N, T, C, H, W)`` over polarities and the frames of each tick: ``(N, ticks, H, W)``."""
        values = F.pad(values.sum(2), (0, 0, 0, 0, 0, -values.shape[1] % self.quantum))
        sums: Tensor = values.unflatten(1, (-1, self.quantum)).sum(2)
        return sums

    def _by_frame(self, values: Tensor, frames: int) -> Tensor:
        """Values ``(N, ticks, H, W)`` at each of the frames: ``(N, T, H, W)``."""
        return values.repeat_interleave(self.quantum, 1)[:, :frames]

    def _stuck(self, x: Tensor) -> Tensor:
        """Pixels with too many events: ``(N, H, W)`` bool."""
        there = (x > 0).sum((1, 2))
        return torch.zeros_like(there, dtype=torch.bool) if self.most is None else there > self.most

    def _supporters(self, there: Tensor, dtype: torch.dtype) -> Tensor:
        """How many pixels around each had an event in its tick or those remembered: ``(N, ticks, H, W)``, whole numbers."""
        counts, ticks = there.to(dtype), there.shape[1]
        recent = sum((F.pad(counts, (0, 0, 0, 0, back, 0))[:, :ticks] for back in range(1, self.memory + 1)), counts)
        return _around(recent, self.reach)

    def _beside(self, values: Tensor) -> Tensor:
        """Sums of ``(N, ticks, H, W)`` over all that a pixel and tick supports: the adjoint of :meth:`_supporters`."""
        ticks = values.shape[1]
        later = sum(
            (F.pad(values, (0, 0, 0, 0, 0, on))[:, min(on, ticks) :][:, :ticks] for on in range(1, self.memory + 1)), values
        )
        return _around(later, self.reach)


def _around(values: Tensor, reach: int) -> Tensor:
    """Sums of ``(N, ticks, H, W)`` over the pixels at most ``reach`` away in rows and columns, without the pixel itself."""
    sums = F.conv2d(values.flatten(0, 1)[:, None], _ring(reach).to(values), padding=reach)
    return sums.view_as(values)


@cache
def _ring(reach: int) -> Tensor:
    """1 around a centre of 0, ``(1, 1, k, k)`` with k = 2 reach + 1."""
    ring = torch.ones(1, 1, 2 * reach + 1, 2 * reach + 1)
    ring[..., reach, reach] = 0
    return ring
