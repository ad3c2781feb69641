"""Patterns of events that need no gradient: Frame, Corner and Dash, after DVS-Attacks (Marchisio et al., IJCNN 2021).

From the paper are the shapes: events along the border of the sensor (Frame), in its corners (Corner), and short dashes
(Dash), which move in the variant that evades a mask filter. There a pattern is filled at all times without a budget, Frame
is one fixed pattern, and Corner and Dash try one place after another, from the border inwards, until the network errs.

Ours is the search under a budget. A pattern is drawn in strokes of a few events each. Place, time and polarity of every
stroke are chosen by the margin (:mod:`attacks.events.slots`), so that each candidate costs one forward; the strokes' empty
cells are filled in turn until the budget is spent, and no event is removed.

How far they reach differs. With 2% of the events, 200 queries of Frame lower the margin of snn_ev_vanilla on 48 simulated
validation recordings by 1.1 of 6.1 in the mean, and break 3 of them. The best of 200 random changes, which may be anywhere,
lowers it as much. A frame lies where this network hardly looks, with any budget: the original, which adds more events than a
recording has, leaves 96% of 300 right of 97%. Dashes cross the digit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from attacks.events.slots import Build, SlotSearch
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0

SPARE = 1.25
"""Strokes that a row holds, in units of what its budget fills if no stroke meets another or an event."""


@dataclass(frozen=True, kw_only=True)
class Pattern(SlotSearch):
    """Searches for the strokes of a pattern, on event frames ``(n, T, C, H, W)``.

    queries, share: see the base. length: pixels of a stroke in one frame. Raises ``ValueError`` for a length below 1.
    """

    queries: int = 200
    length: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length < 1:
            raise ValueError(f"a stroke has at least one pixel, not {self.length}")

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Patterns are drawn on frames (T, C, H, W)."""
        if len(shape) == 4:
            return None
        return f"{type(self).__name__} needs event frames (T, C, H, W), not inputs {tuple(shape)}"

    @abstractmethod
    def strokes(self, at: tuple[Tensor, ...], shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Frame, polarity, row and column of the cells of strokes, ``(n, m, events)`` each, or what expands to that.

        at: the strokes' coordinates in the table, ``(n, m, 1)`` along each axis. shape: (T, C, H, W).
        """

    def events_of_a_stroke(self, shape: tuple[int, ...]) -> int:
        """Cells of one stroke."""
        return self.length

    def slots(self, budget: Tensor, shape: tuple[int, ...]) -> Tensor:
        """As many strokes as the budget fills, and some to spare."""
        return (SPARE * budget / self.events_of_a_stroke(shape)).ceil().long()

    def building(self, grid: EventsL0, x: Tensor, number: Tensor, rng: KeyedRng) -> Build:
        """Strokes are drawn in turn into the empty cells. See the base."""
        shape, clean, budget = tuple(x.shape[1:]), grid.events(x), grid.budget(x)
        table = self.table(shape)

        def build(places: Tensor, rows: Tensor) -> Tensor:
            cells = self._cells(torch.unravel_index(places[..., None], table), shape)
            turn = self._turns(cells, number[rows], clean[rows])
            # Every wanted cell rounds to an event, and the threat makes those of largest change first.
            towards = clean[rows] + (clean[rows] <= 0) * torch.where(turn < torch.inf, 0.6 + 0.4 / (1 + turn), 0.0)
            return grid.as_inputs(grid.within(towards, clean[rows], budget[rows]), x[rows])

        return build

    def _cells(self, at: tuple[Tensor, ...], shape: tuple[int, ...]) -> Tensor:
        """Flat places ``(n, m, events)`` of the strokes' cells in a recording."""
        frame, polarity, row, column = self.strokes(at, shape)
        _, polarities, height, width = shape
        flat: Tensor = ((frame * polarities + polarity) * height + row) * width + column
        return flat

    def _turns(self, cells: Tensor, number: Tensor, like: Tensor) -> Tensor:
        """When each cell of ``like`` ``(n, T, M)`` is drawn by the first ``number`` ``(n,)`` strokes; infinite for never."""
        _, strokes, events = cells.shape
        turn = torch.arange(strokes * events, dtype=torch.float64, device=cells.device).view(1, strokes, events)
        used = torch.arange(strokes, device=cells.device)[:, None] < number[:, None, None]
        turns = torch.where(used, turn, torch.inf).flatten(1)
        never = torch.full(like.shape, torch.inf, dtype=torch.float64, device=like.device).flatten(1)
        return never.scatter_reduce(1, cells.flatten(1), turns, "amin").view_as(like)


@dataclass(frozen=True, kw_only=True)
class Frame(Pattern):
    """Strokes along rings of pixels around the picture. The original fills the outermost one at all times.

    depth: rings from the border inwards on which a stroke may lie. Raises ``ValueError`` for one below 1.
    """

    depth: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth < 1:
            raise ValueError(f"a frame has at least one ring, not {self.depth}")

    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Frame, polarity, ring, and place on the way around the outermost ring."""
        frames, polarities, height, width = shape
        return frames, polarities, *_rings(height, width, self.depth).shape[:2]

    def strokes(self, at: tuple[Tensor, ...], shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``length`` neighbours on a ring, in one frame. See the base."""
        frame, polarity, ring, start = at
        rings = _rings(*shape[2:], self.depth).to(start.device)
        pixel = rings[ring, (start + torch.arange(self.length, device=start.device)) % rings.shape[1]]
        return frame, polarity, pixel[..., 0], pixel[..., 1]


@dataclass(frozen=True, kw_only=True)
class Corner(Pattern):
    """Strokes along rows near a corner. The original grows a line of events from each corner in turn, at all times.

    reach: rows and columns from the corner in which a stroke may begin. Raises ``ValueError`` for one below 1.
    """

    reach: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reach < 1:
            raise ValueError(f"a corner has at least one pixel, not {self.reach}")

    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Frame, polarity, corner (above or below, left or right), and row and column from there."""
        frames, polarities, height, width = shape
        return frames, polarities, 2, 2, min(self.reach, height), min(self.reach, width)

    def strokes(self, at: tuple[Tensor, ...], shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``length`` neighbours in a row, away from the corner, in one frame. See the base."""
        frame, polarity, below, right, row, column = at
        height, width = shape[2:]
        column = (column + torch.arange(self.length, device=column.device)).clamp_max(width - 1)
        return frame, polarity, _from_edge(below, row, height), _from_edge(right, column, width)


@dataclass(frozen=True, kw_only=True)
class Dash(Pattern):
    """Short dashes that move along a row by a pixel a frame, or stand.

    lasting: frames of a dash. The original's dashes, of two pixels, lie near the border and last for the whole recording, or
    move on from time to time. Raises ``ValueError`` for lasting below 1.
    """

    length: int = 2
    lasting: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lasting < 1:
            raise ValueError(f"a dash lasts for at least one frame, not {self.lasting}")

    def events_of_a_stroke(self, shape: tuple[int, ...]) -> int:
        """Cells of a dash in all of its frames."""
        return self.length * min(self.lasting, shape[0])

    def table(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """First frame, polarity, row, first column, and motion (to the left, none, to the right)."""
        frames, polarities, height, width = shape
        return frames - min(self.lasting, frames) + 1, polarities, height, width, 3

    def strokes(self, at: tuple[Tensor, ...], shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``length`` neighbours in a row in each of ``lasting`` frames, around the edges of the sensor. See the base."""
        first, polarity, row, column, motion = at
        event = torch.arange(self.events_of_a_stroke(shape), device=first.device)
        later, beside = event // self.length, event % self.length
        return first + later, polarity, row, (column + beside + (motion - 1) * later) % shape[3]


def _from_edge(far: Tensor, steps: Tensor, size: int) -> Tensor:
    """Pixels ``steps`` from the first edge of an axis of ``size`` pixels, or from the last where ``far`` is 1."""
    return torch.where(far > 0, size - 1 - steps, steps)


@cache
def _rings(height: int, width: int, depth: int) -> Tensor:
    """Rows and columns ``(rings, b, 2)`` of at most ``depth`` rings of pixels, each in the order of a walk around it.

    A ring that is shorter than the outermost one, of b pixels, goes on from its beginning.
    """
    walks = [
        _walk(first, height - 1 - first, width - 1 - first) for first in range(min(depth, (min(height, width) + 1) // 2))
    ]
    return torch.tensor([[walk[place % len(walk)] for place in range(len(walks[0]))] for walk in walks])


def _walk(first: int, bottom: int, right: int) -> list[tuple[int, int]]:
    """Pixels of the ring from ``(first, first)`` to ``(bottom, right)``, each once."""
    above = [(first, column) for column in range(first, right + 1)]
    down = [(row, right) for row in range(first, bottom + 1)]
    below = [(bottom, column) for column in range(right, first - 1, -1)]
    up = [(row, first) for row in range(bottom, first - 1, -1)]
    return list(dict.fromkeys((*above, *down, *below, *up)))
