"""SpikeFool (Buechel et al., Frontiers in Neuroscience 2022): SparseFool (CVPR 2019) on whole events.

The boundary to the strongest other class is taken as a plane: margin v and its gradient g at the present frames. Cells are
flipped in the order of their gain ``|g|`` until these add up to ``overshoot * |v|``, which crosses the plane; every flip is
a whole event, so nothing is left to round. Then the plane is laid anew. A cell that was flipped once stays flipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.minimal import MinimalAttack
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.event_grid import leading
from attacks.threats.events_l0 import EventsL0, as_events, directions_and_gains
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class SpikeFool(MinimalAttack):
    """Sparse steps over linearised boundaries.

    iterations: gradients per sample. overshoot: how far beyond the plane, as a multiple of the distance (SparseFool's
    lambda). widest: most flips of one iteration, where a gradient is too small to reach the plane.
    Raises ``ValueError`` for iterations or widest below 1 and an overshoot that is not positive.
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    iterations: int = 20
    overshoot: float = 2.0
    widest: int = 200

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.widest < 1 or not self.overshoot > 0:
            raise ValueError(
                "iterations and widest must be at least 1 and overshoot positive, "
                f"got {self.iterations}, {self.widest} and {self.overshoot}"
            )

    def cost(self) -> tuple[int, int]:
        """A gradient per iteration, and a last look."""
        return self.iterations + 1, self.iterations

    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The first iterate ``(n, T, ...)`` that was misclassified, or the clean input. See the base."""
        if not len(x):
            return x
        oracle, grid = oracle.using(objective=Margin()), as_events(threat)
        rows, best = torch.arange(len(x), device=x.device), x.clone()
        events = clean = grid.events(x)
        for iteration in range(self.iterations + 1):
            inputs = grid.as_inputs(events, x[rows])
            answer = oracle.query(inputs, rows, grad=iteration < self.iterations)
            fooled = answer.broken | (answer.value > 0)
            best[rows[fooled]] = inputs[fooled]
            if iteration == self.iterations or bool(fooled.all()):
                break
            slope, value = answer.slope[~fooled].flatten(2).double(), answer.value[~fooled].double()
            rows, events, clean = rows[~fooled], events[~fooled], clean[~fooled]
            events = self._across(grid, events, clean, slope, value)
        return best

    def _across(self, grid: EventsL0, events: Tensor, clean: Tensor, slope: Tensor, value: Tensor) -> Tensor:
        """Events ``(n, T, M)`` beyond the plane of margin ``value`` ``(n,)`` and gradient ``slope``."""
        direction, gains = directions_and_gains(slope, events, grid.peak)
        gains = torch.where(events == clean, gains, 0.0).flatten(1)
        cells = leading(gains, self.widest)
        gained = gains.gather(1, cells).clamp_min(0)
        before = gained.cumsum(1) - gained
        needed = (before < self.overshoot * value.abs()[:, None]) & (gained > 0)
        flat = torch.zeros_like(gains, dtype=torch.bool).scatter(1, cells, needed).view_as(events)
        return events + direction * flat
