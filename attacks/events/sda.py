"""SDA, the sparse dynamic attack (CVPR 2025, arXiv 2503.03272): few flips, found one by one, and as many undone again.

In iteration i the gradient of the margin orders the cells whose flip should help, ``0 <= x + sgn(g) <= 1``. The first
``width * i`` of them are flipped singly, and those that do not lower the margin (a finite difference) are kept, all at once.
As soon as a row is misclassified, the flips are undone that a binary search over their order by finite difference allows,
and then, as the original does not, each of the rest that can be spared.

Cells without a gradient, which would never be tried, get a tiny random one. The attack was published with the gradient path
PDSG; here it goes along the oracle's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from attacks.events.flips import tried
from attacks.events.undoing import Undoing
from attacks.minimal import MinimalAttack
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.event_grid import leading
from attacks.threats.events_l0 import EventsL0, as_events, directions_and_gains
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class SDA(MinimalAttack):
    """Sparse dynamic attack.

    iterations: gradients per sample. width: candidates of the first iteration; the i-th tries i times as many.
    Raises ``ValueError`` where one of them is below 1.
    """

    threats: ClassVar[ThreatKinds] = (EventsL0,)

    iterations: int = 8
    width: int = 10

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.width < 1:
            raise ValueError(f"iterations and width must be at least 1, got {self.iterations} and {self.width}")

    def cost(self) -> tuple[int, int]:
        """A gradient and ``width * i`` candidates in iteration i, and a last look."""
        return self.iterations + 1 + self.width * self.iterations * (self.iterations + 1) // 2, self.iterations

    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The adversarial input ``(n, T, ...)`` that is left after undoing flips, or the clean one. See the base."""
        if not len(x):
            return x
        oracle, grid = oracle.using(objective=Margin()), as_events(threat)
        flips = _Flips(grid, x, grid.events(x))
        standing = torch.arange(len(x), device=x.device)
        for iteration in range(1, self.iterations + 1):
            answer = oracle.query(flips.inputs(standing), standing, grad=True)
            fooled = answer.broken | (answer.value > 0)
            flips.fooled[standing[fooled]] = True
            standing = standing[~fooled]
            if not len(standing):
                break
            streams = rng.rows(standing).fold("tiny", iteration)
            scores = _filled(answer.slope[~fooled].flatten(2).double(), streams)
            flips.extend(oracle, standing, scores, answer.value[~fooled], self.width * iteration)
        else:
            answer = oracle.query(flips.inputs(standing), standing, grad=False)
            flips.fooled[standing[answer.broken | (answer.value > 0)]] = True
        rows = flips.fooled.nonzero()[:, 0]
        if len(rows):
            flips.undo(oracle, rows)
        return torch.where(per_row(flips.fooled, x), flips.inputs(torch.arange(len(x), device=x.device)), x)


@dataclass
class _Flips:
    """Where each row stands.

    clean: events ``(n, T, M)``. events: of now. effect: the size of the finite difference of each cell when it was flipped.
    fooled: ``(n,)``.
    """

    threat: EventsL0
    x: Tensor
    clean: Tensor
    events: Tensor = field(init=False)
    effect: Tensor = field(init=False)
    fooled: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.events = self.clean
        self.effect = torch.zeros(self.clean.shape, dtype=torch.float64, device=self.x.device)
        self.fooled = torch.zeros(len(self.x), dtype=torch.bool, device=self.x.device)

    def inputs(self, rows: Tensor) -> Tensor:
        """Inputs of ``rows`` as they are now."""
        return self.threat.as_inputs(self.events[rows], self.x[rows])

    def extend(self, oracle: Oracle, rows: Tensor, scores: Tensor, value: Tensor, number: int) -> None:
        """Try the ``number`` best cells of each of ``rows`` by ``scores``, and flip those that do not lower the margin."""
        events = self.events[rows]
        direction, gains = directions_and_gains(scores, events, self.threat.peak)
        cells = leading(gains.flatten(1), number)
        answer = tried(oracle, self.threat, events, direction, cells[..., None], rows, self.x[rows])
        rise = answer.value.double() - value.double()[:, None]
        helpful = (rise >= 0) & (gains.flatten(1).gather(1, cells) > 0)
        flat = torch.zeros_like(gains, dtype=torch.bool).flatten(1).scatter(1, cells, helpful).view_as(events)
        size = torch.zeros_like(gains).flatten(1).scatter(1, cells, rise.abs()).view_as(events)
        self.events = self.events.index_copy(0, rows, events + direction * flat)
        self.effect = self.effect.index_copy(0, rows, torch.where(flat, size, self.effect[rows]))

    def undo(self, oracle: Oracle, rows: Tensor) -> None:
        """Undo as many flips of ``rows``, all of them fooled, as leave them so: those of small effect first."""
        undoing = Undoing(oracle, self.threat, self.x[rows], rows, self.clean[rows])
        self.events = self.events.index_copy(0, rows, undoing.fewest(self.events[rows], self.effect[rows]))


def _filled(gradient: Tensor, rng: KeyedRng) -> Tensor:
    """``gradient`` ``(n, T, M)`` with tiny random numbers where it is zero."""
    tiny = 1e-6 * gradient.flatten(1).abs().amax(1).clamp_min(1e-30)
    noise = rng.uniform(*gradient.shape[1:]).to(gradient) - 0.5
    return torch.where(gradient == 0, per_row(tiny, gradient) * noise, gradient)
