"""Events moved in time, none made or lost (spike retiming, arXiv 2602.03284).

On a binary grid an event stays on its line (polarity and pixel) and takes another frame; a cell holds at most one. There
are three budgets, one for each class: how many events are moved (B_0, :class:`Retime`), by how many frames the one that is
moved farthest (B_inf, :class:`RetimeShift`), and by how many frames all together (B_1, :class:`RetimeTotal`). Each distance
is that of the cheapest way to read ``adv`` as retimed ``x``; it is infinite where a line has another number of events.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.threats.event_grid import EventGrid, best_cells, in_order, leading


@dataclass(frozen=True, kw_only=True)
class Retiming(EventGrid):
    """What the three share. Events are ``(n, T, M)``, with M lines of T cells."""

    name: ClassVar[str] = "events moved in time"

    @abstractmethod
    def cost(self, adv: Tensor, x: Tensor) -> Tensor:
        """Distance of each line ``(n, M)`` between events with as many on each line."""

    def total(self, costs: Tensor) -> Tensor:
        """Distance ``(n,)`` from those of the lines ``(n, M)``: their sum."""
        return costs.sum(1)

    def distance(self, adv: Tensor, x: Tensor) -> Tensor:
        """``(n,)`` between ``(n, T, ...)`` each; infinite where an event was made or lost."""
        after, before = adv.flatten(2), x.flatten(2)
        kept = ((after.sum(1) - before.sum(1)).abs() < 0.5).all(1)
        distance = self.total(self.cost(self.events(adv), self.events(x))).to(x.dtype)
        return torch.where(kept, distance, torch.inf)

    def one_move_from(self, cells: Tensor) -> Tensor:
        """Cells ``(n, T, M)`` bool between which and one of ``cells`` a draw may move an event: those of its line."""
        return cells.any(1, keepdim=True).expand_as(cells)

    def within(self, towards: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """On each line as many events as before, where ``towards`` is largest; whole lines are followed, those that gain
        most for their cost first, until the next exceeds the budget. See the base.
        """
        wanted = same_number(towards, clean)
        costs = self.cost(wanted, clean)
        gain = (towards * (wanted - clean)).sum(1) / costs.clamp_min(1)
        return torch.where(in_order(gain, costs, budget)[:, None], wanted, clean)

    def following(self, scores: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """As :meth:`within`. See the base."""
        return self.within(scores, clean, budget)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """One random event moved to a random free cell on each of some lines, drawn evenly, as many as the budget allows.

        Such a move costs 1. Events and cells are drawn on these lines alone: 35 of 2,312 on simulated N-MNIST at 2%.
        """
        clean = self.events(x)
        _, frames, lines = clean.shape
        movable = (clean > 0) & self.one_move_from(clean == 0)
        keys = torch.where(movable.any(1), rng.fold("lines").uniform(lines).to(x.device), 0.0)
        line, own = _first_lines(keys.double(), self.budget(x))

        def drawn(cells: Tensor, name: str) -> Tensor:
            # Numbered line by line, so that a row's draws do not depend on how many lines others in its batch have.
            draws = rng.fold(name).uniform(line.shape[1], frames).to(x.device).transpose(1, 2)
            return torch.where(cells, draws, 0.0).argmax(1, keepdim=True)

        along = line[:, None].expand(-1, frames, -1)
        source = drawn(movable.gather(2, along), "source")
        leaving = torch.zeros_like(along, dtype=torch.bool).scatter(1, source, True)
        goal = drawn((clean.gather(2, along) == 0) & self.one_move_from(leaving), "goal")
        made = (own & (keys.gather(1, line) > 0))[:, None]
        return self.as_inputs(_moved(clean, line, source, goal, made), x)


@dataclass(frozen=True, kw_only=True)
class Retime(Retiming):
    """At most eps events moved in time (B_0). eps: a number from 1, 0, or below 1 a share of each sample's events."""

    name: ClassVar[str] = "retime"
    text: ClassVar[str] = "at most so many events may move in time, or a share of them; none is made or lost"
    usual_eps: ClassVar[str | None] = "2%"

    def cost(self, adv: Tensor, x: Tensor) -> Tensor:
        """Events of a line that are no longer where they were, ``(n, M)``."""
        return (x - adv).clamp_min(0).sum(1)

    def within(self, towards: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """The moves that gain most of ``towards``: exactly the best that the budget allows. See the base.

        On a line the j-th move is from the event with the j-th lowest value to the free cell with the j-th highest. Its gain
        falls with j, so that the best moves of all lines together are moves that can be made, and that a budget of k is
        spent on the k lines whose first moves gain most. Only these are sorted.
        """
        _, frames, lines = clean.shape
        taken = clean > 0
        lowest = torch.where(taken, towards, torch.inf).amin(1)
        highest = torch.where(taken, -torch.inf, towards).amax(1)
        first = (highest - lowest).clamp_min(0)  # infinitely negative on a line that has no event, or no free cell
        line, own = _first_lines(first, budget)
        along = line[:, None].expand(-1, frames, -1)
        gains, leaving, arriving = _moves(towards.gather(2, along), taken.gather(2, along))
        place = torch.arange(frames, device=line.device).view(1, -1, 1)
        made = best_cells(gains * own[:, None], budget, (place * lines + along) / (frames * lines))
        return _moved(clean, line, leaving, arriving, made)


@dataclass(frozen=True, kw_only=True)
class RetimeTotal(Retiming):
    """All events together moved by at most eps frames (B_1)."""

    name: ClassVar[str] = "retime_total"
    text: ClassVar[str] = "all events together may move by at most so many frames in time; none is made or lost"
    display_unit: ClassVar[str] = "frames"
    takes_shares: ClassVar[bool] = False

    def cost(self, adv: Tensor, x: Tensor) -> Tensor:
        """Least sum of the shifts of a line ``(n, M)``: that of the cumulated numbers of events (Wasserstein)."""
        return (adv - x).cumsum(1).abs().sum(1)

    def one_move_from(self, cells: Tensor) -> Tensor:
        """The frames before and after: longer ways would use up the budget for few events."""
        beside = torch.zeros_like(cells)
        beside[:, 1:] |= cells[:, :-1]
        beside[:, :-1] |= cells[:, 1:]
        return beside


@dataclass(frozen=True, kw_only=True)
class RetimeShift(Retiming):
    """Every event moved by at most eps frames (B_inf)."""

    name: ClassVar[str] = "retime_shift"
    text: ClassVar[str] = "every event may move by at most so many frames in time; none is made or lost"
    display_unit: ClassVar[str] = "frames"
    usual_eps: ClassVar[str | None] = "1"
    takes_shares: ClassVar[bool] = False

    def cost(self, adv: Tensor, x: Tensor) -> Tensor:
        """Largest shift of an event of a line ``(n, M)``, events in order, which is the least possible."""
        return (times(adv) - times(x)).abs().amax(1)

    def total(self, costs: Tensor) -> Tensor:
        """The largest of the lines."""
        return costs.amax(1)

    def within(self, towards: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
        """Every event as far on its way to where ``towards`` is largest as the budget and its neighbours allow."""
        return _retimed(times(same_number(towards, clean)), clean, budget)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """Every event moved by an even draw of up to the budget either way, then apart from its neighbours."""
        clean, budget = self.events(x), self.budget(x)
        reach = budget[:, None, None]
        draws = rng.uniform(*clean.shape[1:]).to(x.device).double()
        shifts = ((2 * reach + 1) * draws).floor().long() - reach
        when = times(clean)
        wanted = torch.where(when < clean.shape[1], when + shifts, when).sort(1).values
        return self.as_inputs(_retimed(wanted, clean, budget), x)


def _first_lines(keys: Tensor, budget: Tensor) -> tuple[Tensor, Tensor]:
    """As many lines ``(n, k)`` with the largest of keys ``(n, M)`` as the largest budget, at least one, and which of them,
    bool ``(n, k)``, lie within a row's own budget.
    """
    line = leading(keys, max(1, int(budget.max())) if len(budget) else 1)
    return line, torch.arange(line.shape[1], device=line.device) < budget[:, None]


def _moved(clean: Tensor, line: Tensor, leaving: Tensor, arriving: Tensor, made: Tensor) -> Tensor:
    """``clean`` ``(n, T, M)`` after moves, from and to frames ``(n, j, k)`` on lines ``(n, k)``, those that are ``made``."""
    cells = torch.cat([leaving, arriving], 1) * clean.shape[2] + line[:, None]
    changes = torch.cat([-made.long(), made.long()], 1)
    return clean.flatten(1).scatter_add(1, cells.flatten(1), changes.flatten(1)).view_as(clean)


def _moves(towards: Tensor, taken: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the j-th move of each line gains, ``(n, T, M)``, 0 where there is none, and the frames it leads from and to."""
    frames = towards.shape[1]
    leaving = torch.where(taken, towards, torch.inf).argsort(dim=1, stable=True)
    arriving = torch.where(taken, -torch.inf, towards).argsort(dim=1, descending=True, stable=True)
    number = taken.sum(1, keepdim=True)
    place = torch.arange(frames, device=towards.device).view(1, -1, 1)
    possible = place < torch.minimum(number, frames - number)
    return torch.where(possible, towards.gather(1, arriving) - towards.gather(1, leaving), 0.0), leaving, arriving


def same_number(towards: Tensor, clean: Tensor) -> Tensor:
    """Events ``(n, T, M)`` with as many on each line as ``clean``, where ``towards`` is largest; ties stay."""
    # Of equal cells the one that held an event comes first, then the earlier one.
    order = (towards + 1e-9 * clean).argsort(dim=1, descending=True, stable=True)
    places = torch.arange(order.shape[1], device=order.device).view(1, -1, 1).expand_as(order)
    rank = torch.zeros_like(order).scatter(1, order, places)
    return (rank < clean.sum(1, keepdim=True)).long()


def times(events: Tensor) -> Tensor:
    """Frames of the events of each line in rising order ``(n, T, M)``; T in the places after the last event."""
    frames = events.shape[1]
    frame = torch.arange(frames, device=events.device).view(1, -1, 1)
    return torch.where(events > 0, frame, frames).sort(1).values


def _retimed(wanted: Tensor, clean: Tensor, budget: Tensor) -> Tensor:
    """Events at the times ``wanted`` ``(n, T, M)``, rising, as near as ``budget`` ``(n,)`` and one event a cell allow."""
    frames = clean.shape[1]
    when, number = times(clean), clean.sum(1, keepdim=True)
    place = torch.arange(frames, device=clean.device).view(1, -1, 1)
    reach = budget[:, None, None]
    earliest = torch.maximum(when - reach, place.expand_as(when))
    latest = torch.minimum(when + reach, frames - number + place)
    near = torch.maximum(torch.minimum(wanted, latest), earliest)
    # Both bounds rise by at least one from event to event, so that pushing a later one on never leaves them.
    apart = (near - place).cummax(1).values + place
    chosen = torch.where(place < number, apart, frames)
    moved = torch.zeros(len(clean), frames + 1, clean.shape[2], dtype=torch.int64, device=clean.device)
    return moved.scatter(1, chosen, 1)[:, :frames]
