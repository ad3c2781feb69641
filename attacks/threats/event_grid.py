"""Threats on the grid of an event camera: what a cell holds is a whole number of events.

Inputs are event frames ``(n, T, ...)``: T frames, and in each a cell for every polarity and pixel. A cell holds
``events / peak``: 0 or 1 on a binary grid (peak 1), multiples of 1/peak where events are counted. Distances are whole
numbers, in events or in frames. Where a threat takes shares, a budget below 1 is a share of the events of each clean sample,
rounded down; from 1 on it is a number.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.rows import per_row
from attacks.threats.threat import Threat

ROUNDING = 1e-4
"""In events. Float32 stores k/255 inexactly: a cell that is so near to a whole number holds one."""


@dataclass(frozen=True, kw_only=True)
class EventGrid(Threat):
    """What the threats on events share. Events are ``(n, T, M)`` int64, M the cells of a frame."""

    name: ClassVar[str] = "grids of events"
    peak: ClassVar[int] = 1
    """Events in a cell that holds the value 1."""
    takes_shares: ClassVar[bool] = True
    display_unit: ClassVar[str] = "events"

    @abstractmethod
    def within(self, towards: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """Events in the ball of ``budget`` ``(n,)`` around ``clean``, as far ``towards`` as it allows.

        towards: ``(n, T, M)`` float64, in events: the larger the difference from ``clean``, the sooner it is followed.
        ``clean`` itself, and any other events in the ball, stay as they are.
        """

    @abstractmethod
    def following(self, scores: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """Events in the ball of ``budget`` ``(n,)`` around ``clean`` that have about the highest sum of scores.

        scores: ``(n, T, M)`` float64, of one event more in each cell, such as the gradient of an objective. What does not
        gain is left as it is.
        """

    def misfit_of_inputs(self, x: Tensor) -> str | None:
        """Inputs that are no event frames, or hold other values than events of this grid."""
        if x.dim() < 3:
            return f"{self.name} needs event frames (T, ...), not inputs {tuple(x.shape[1:])}"
        if not bool(self.in_box(x).all()):
            holds = "0 or 1" if self.peak == 1 else f"events divided by {self.peak}"
            return f"{self.name} needs frames whose cells hold {holds}, and these hold other values"
        return None

    def events(self, x: Tensor) -> Tensor:
        """Events in the cells of ``x`` ``(n, T, ...)``, rounded to whole numbers."""
        return self._in_events(x.flatten(2)).round().long()

    def as_inputs(self, events: Tensor, like: Tensor) -> Tensor:
        """``events`` as inputs of the shape and dtype of ``like`` ``(n, T, ...)``."""
        values = events if self.peak == 1 else events.double() / self.peak
        return values.to(like.dtype).view(like.shape)

    def _in_events(self, x: Tensor) -> Tensor:
        """Values of cells in units of events. On a binary grid they are the same, and nothing is computed."""
        return x if self.peak == 1 else x.double() * self.peak

    def radius(self, x: Tensor) -> Tensor:
        """Budget around the clean rows of ``x`` ``(n, T, ...)``: whole numbers ``(n, 1, ..., 1)``, in its dtype."""
        return per_row(self.budget(x).to(x.dtype), x)

    def budget(self, x: Tensor) -> Tensor:
        """:meth:`radius` as ``(n,)`` int64."""
        eps = torch.as_tensor(self.eps, dtype=torch.float64, device=x.device).expand(len(x))
        if self.takes_shares:
            # 2% of 50 events are one event, though 0.02 * 50 may be a little less in floating point.
            number = self._in_events(x.flatten(1)).round().sum(1).double()
            eps = torch.where(eps < 1, eps * number + 1e-9, eps)
        return eps.floor().long()

    def in_box(self, adv: Tensor, *, slack: float = 0.0) -> Tensor:
        """``(n,)`` bool: whether every cell of ``adv`` ``(n, T, ...)`` holds a whole number of events from 0 to the peak."""
        events = self._in_events(adv.flatten(1))
        return super().in_box(adv, slack=slack) & ((events - events.round()).abs() <= ROUNDING).all(1)

    def project(self, adv: Tensor, x: Tensor) -> Tensor:
        """``adv`` ``(n, T, ...)`` brought onto the grid and into the ball: the largest changes are followed first.

        The result is feasible, not always the nearest feasible point. A cell that is not a number keeps its clean value.
        """
        towards = torch.where(adv.isnan(), x, adv).clamp(self.low, self.high).flatten(2).double() * self.peak
        return self.as_inputs(self.within(towards, self.events(x), self.budget(x)), x)


def leading(keys: Tensor, most: int, places: Tensor | None = None) -> Tensor:
    """Indices ``(n, most)`` of the largest of keys ``(n, M)`` float64, the largest first; all M where ``most`` is larger.

    Keys that differ by less than 1e-9 of the largest count as equal, and of equal ones that with the lower of ``places``
    ``(n, M)`` from 0 to 1 comes first, by default the one further left. So a row's answer depends neither on ``most`` nor on
    its batch, as that of ``topk`` alone would.
    """
    if places is None:
        places = torch.arange(keys.shape[1], dtype=keys.dtype, device=keys.device) / keys.shape[1]
    apart = keys - 1e-9 * keys.abs().amax(1, keepdim=True) * places
    return apart.topk(min(most, keys.shape[1]), dim=1).indices


def best_cells(gains: Tensor, number: Tensor, places: Tensor | None = None) -> Tensor:
    """Mask ``(n, T, M)`` of the ``number`` ``(n,)`` cells with the largest gains, of those that gain at all.

    places: ``(n, T, M)``, as of :func:`leading`.
    """
    flat = gains.flatten(1)
    order = leading(flat, int(number.max()) if len(number) else 0, None if places is None else places.flatten(1))
    rank = torch.arange(order.shape[1], device=order.device)
    chosen = (rank < number[:, None]) & (flat.gather(1, order) > 0)
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, order, chosen).view_as(gains)


def in_order(keys: Tensor, costs: Tensor, budget: Tensor) -> Tensor:
    """What is kept of candidates ``(n, M)`` taken by falling key until the next would exceed the budget: bool ``(n, M)``.

    Of equal keys the first comes first. costs: ``(n, M)`` int64, none negative; what costs nothing is kept at its turn.
    budget: ``(n,)`` int64.
    """
    order = keys.argsort(dim=1, descending=True, stable=True)
    affordable = costs.gather(1, order).cumsum(1) <= budget[:, None]
    return torch.zeros_like(affordable).scatter(1, order, affordable)
