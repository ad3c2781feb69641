"""Ternary gradients by sampling, after G2S (Liang et al., IEEE TNNLS 2023): spike-compatible steps on binary frames.

A gradient becomes a step of -1, 0 and 1 in three moves: each entry is kept with probability ``|g| / max|g|``; of what is
kept, the sign counts; and steps that would leave the grid are dropped. Where a gradient is zero everywhere, cells are
flipped at random with probability ``flips`` (the original's restricted spike flipper). Of the changes that have gathered,
the largest by last gradient stay within the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import Walks
from attacks.rows import per_row, places
from attacks.threats.event_grid import best_cells
from attacks.threats.events_l0 import EventsL0, as_events
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class TernarySampling(Walks[EventsL0]):
    """Walks by sampled ternary gradients.

    flips: probability that a cell is flipped where a gradient is zero everywhere. Raises ``ValueError`` for a probability
    outside [0, 1].
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    steps: int = 20
    flips: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.flips <= 1:
            raise ValueError(f"flips must be a probability, got {self.flips}")

    def ball(self, threat: Threat) -> EventsL0:
        """``threat`` as one that adds and removes events."""
        return as_events(threat)

    def walk(
        self, oracle: Oracle, x: Tensor, threat: EventsL0, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From the clean input: ``steps`` sampled steps, and a last look. See the base."""
        clean = threat.events(x[rows])
        events = clean
        for step in range(self.steps):
            adv = threat.as_inputs(events, x[rows])
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, events = rows[going], clean[going], events[going]
            if not len(rows):
                return
            slope = answer.slope[going].flatten(2).double()
            wanted = events + self._sampled(slope, rng.rows(rows).fold("sample", step))
            changed = (wanted != clean) & (wanted >= 0) & (wanted <= threat.peak)
            kept = best_cells(changed * (slope.abs() + 1e-12), threat.rows(rows).budget(x[rows]))
            events = torch.where(kept, wanted, clean)
        adv = threat.as_inputs(events, x[rows])
        best.update(adv, rows, oracle.query(adv, rows, grad=False))

    def _sampled(self, slope: Tensor, rng: KeyedRng) -> Tensor:
        """Steps ``(n, T, M)`` of -1, 0 and 1 for gradients."""
        largest = slope.flatten(1).amax(1).maximum(-slope.flatten(1).amin(1))
        draws = rng.uniform(*slope.shape[1:]).to(slope)
        sampled = slope.sign() * (draws * per_row(largest, slope) < slope.abs())
        either = torch.where(rng.fold("sign").uniform(*slope.shape[1:]).to(slope) < 0.5, 1, -1)
        return torch.where(per_row(largest > 0, slope), sampled, either * (draws < self.flips)).long()
