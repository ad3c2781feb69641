"""Patterns that know nothing of the model: Frame, Corner and Dash (DVS-Attacks, Marchisio et al., IJCNN 2021).

The originals add events without end along the border of the sensor (Frame), in its corners (Corner), or as short dashes that
move (Dash). Here they spend the same budget as every other attack: so many empty cells of the pattern are filled, drawn
evenly for each row and draw, and nothing else is changed.

Under a budget they are weak. snn_ev_vanilla is right on 97% of 300 simulated validation recordings, and on as many, to a
point, with 2% or 10% of events added by any of the three: so few events that do not know the model change little wherever
they are, and random flips of as many cells do not either. At 30% Dash leaves 90%, random flips leave 96%, Frame and Corner
98%.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.noise import RandomNoise
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0, as_events
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class Pattern(RandomNoise):
    """Fills empty cells of a pattern; the best of ``draws``. For event frames ``(n, T, C, H, W)``."""

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Patterns are drawn on frames (T, C, H, W)."""
        if len(shape) == 4:
            return None
        return f"{type(self).__name__} needs event frames (T, C, H, W), not inputs {tuple(shape)}"

    @abstractmethod
    def pattern(self, shape: tuple[int, int, int], rng: KeyedRng) -> Tensor:
        """How soon each cell of ``shape`` (T, H, W) is filled: ``(n, T, H, W)``, 0 for never, from 1 on at once."""

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """``x`` with as many of the pattern's empty cells filled as the budget allows, ``(n, T, C, H, W)``."""
        grid = as_events(threat)
        clean, budget = grid.events(x), grid.budget(x)
        frames, polarities, height, width = x.shape[1:]
        soon = self.pattern((frames, height, width), rng.fold("pattern"))[:, :, None].expand(-1, -1, polarities, -1, -1)
        order = soon + rng.fold("order").uniform(frames, polarities, height, width).to(soon)
        wanted = ((soon > 0) & (x <= 0)).flatten(2)
        # Pixels of a pattern have priorities of their own, which the draw cannot overtake: it is below 1.
        towards = clean + wanted * (1 - 0.4 / (1 + order.flatten(2).double()))
        return grid.as_inputs(grid.within(towards, clean, budget), x)


def _to_the_border(height: int, width: int, *, corner: bool) -> Tensor:
    """Distance ``(height, width)`` of each pixel from the border, or from the nearest corner, in pixels."""
    y, x = torch.arange(height), torch.arange(width)
    y, x = torch.minimum(y, height - 1 - y)[:, None], torch.minimum(x, width - 1 - x)[None]
    return y + x if corner else torch.minimum(y, x)


@dataclass(frozen=True, kw_only=True)
class Frame(Pattern):
    """Events on the outermost pixels.

    The gradient of snn_ev_vanilla is 0.4 times as large there as on all pixels. The original, which has no budget
    and fills the whole border at all times, adds 1.5 times the events of a recording and leaves 96% right of 97%.
    """

    def pattern(self, shape: tuple[int, int, int], rng: KeyedRng) -> Tensor:
        """1 on the border, 0 elsewhere. See the base."""
        border = (_to_the_border(*shape[1:], corner=False) == 0).float()
        return border.expand(len(rng.keys), *shape).to(rng.keys.device)


@dataclass(frozen=True, kw_only=True)
class Corner(Pattern):
    """Events from the corners inwards: there the gradient of snn_ev_vanilla is half as large as elsewhere."""

    def pattern(self, shape: tuple[int, int, int], rng: KeyedRng) -> Tensor:
        """Falls with the distance from the nearest corner, and is never 0. See the base."""
        away = _to_the_border(*shape[1:], corner=True)
        return (1.0 + away.max() - away).expand(len(rng.keys), *shape).to(rng.keys.device)


@dataclass(frozen=True, kw_only=True)
class Dash(Pattern):
    """Short horizontal dashes that move by a pixel a frame, across the digit if it lies there.

    length: in pixels. Raises ``ValueError`` for one below 1.
    """

    length: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length < 1:
            raise ValueError(f"a dash has at least one pixel, not {self.length}")

    def pattern(self, shape: tuple[int, int, int], rng: KeyedRng) -> Tensor:
        """2 on a dash of its own for each row, 1 on the row of pixels that it moves along, 0 elsewhere. See the base."""
        frames, height, width = shape
        y, start = rng.fold("y").integers(height), rng.fold("x").integers(width)
        first = (start[:, None] + torch.arange(frames, device=start.device)) % width
        offset = (torch.arange(width, device=start.device) - first[:, :, None]) % width
        on_line = (torch.arange(height, device=y.device) == y[:, None])[:, None, :, None]
        return (on_line * (1.0 + (offset < self.length)[:, :, None])).float()
