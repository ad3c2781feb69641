"""Adversarial training on event frames: the network is trained on frames in which the worst cells have been flipped.

The perturbation is that of :class:`~attacks.threats.events_l0.EventsL0`. In each of ``steps`` steps an equal part of the
budget is spent on the cells whose flip raises the loss most to first order, along the network's own surrogate. A cell is
flipped at most once, so that the budget is kept. What Madry et al. (ICLR 2018) do in linf, with l0 in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.threats.event_grid import best_cells
from attacks.threats.events_l0 import EventsL0, directions_and_gains
from zoo.defenses.examples import Examples, TrainingOnExamples, evaluating


@dataclass(frozen=True, kw_only=True)
class FlippedEvents(Examples):
    """Frames in which up to ``share`` as many cells differ as the sample has events.

    share: of the events of each sample, below 1. steps: gradient steps of the attack.
    Raises ``ValueError`` for a share outside (0, 1) or fewer than one step.
    """

    share: float = 0.04
    steps: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.steps < 1:
            raise ValueError(f"the share lies between 0 and 1 and steps are at least 1, got {self.share} and {self.steps}")

    def craft(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Adversarial frames of ``x`` ``(n, T, C, H, W)``; nothing about them is random."""
        threat = EventsL0(eps=self.share)
        budget, clean = threat.budget(x), threat.events(x)
        events, untouched = clean, torch.ones_like(clean, dtype=torch.bool)
        with evaluating(model):
            for step in range(1, self.steps + 1):
                leaf = threat.as_inputs(events, x).requires_grad_()
                (gradient,) = torch.autograd.grad(F.cross_entropy(model(leaf), y, reduction="sum"), leaf)
                direction, gains = directions_and_gains(gradient.flatten(2).double(), events, threat.peak)
                left = budget * step // self.steps - (~untouched).flatten(1).sum(1)
                chosen = best_cells(torch.where(untouched, gains, 0.0), left)
                events, untouched = events + direction * chosen, untouched & ~chosen
        return threat.as_inputs(events, x)


@dataclass(frozen=True, kw_only=True)
class EventAdversarialTraining(FlippedEvents, TrainingOnExamples):
    """``CE(f(x'), y)``, where x' are :class:`FlippedEvents` with the same fields."""
