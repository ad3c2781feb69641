"""HopSkipJump (Chen, Jordan and Wainwright, S&P 2020): a minimal-norm attack that sees nothing but decisions.

From a random misclassified point it goes to the boundary (bisection between it and the clean input), estimates there
the direction in which more points are misclassified,

    v = mean_b (phi(x + delta u_b) - mean phi) u_b,   phi = +1 where misclassified, -1 elsewhere,

steps along it (l2: normalised; linf: its sign) by dist / sqrt(t), halved until the point is misclassified, and goes back
to the boundary. The b-th round asks 100 sqrt(t) times; delta is dist / d (the paper's sqrt(d) theta dist, theta =
d^-1.5; for linf d theta dist, theta = d^-2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Access
from attacks.minimal import MinimalAttack
from attacks.objectives import Misclassified
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat

_TRIES = 50
"""Random points tried as a start."""
_HALVINGS = 12
"""Step sizes tried; a row for which none is misclassified stays where it is in this round."""
_AT_ONCE = 32
"""Probes per row in one call of the oracle: bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class HopSkipJump(MinimalAttack):
    """Decision-based walk along the boundary.

    queries: forwards per sample, at most. probes: queries of the first round's estimate.
    Raises ``ValueError`` for queries below 1 or probes below 2.
    """

    access: ClassVar[Access] = "decision"

    queries: int = 1000
    probes: int = 100

    def __post_init__(self) -> None:
        if self.queries < 1 or self.probes < 2:
            raise ValueError(f"queries must be at least 1 and probes at least 2, got {self.queries} and {self.probes}")

    def cost(self) -> tuple[int, int]:
        """At most :attr:`queries` forwards."""
        return self.queries, 0

    def rounds(self, bisections: int) -> list[int]:
        """Probes of each round that fits into the queries if every round takes its most expensive course.

        bisections: queries of each bisection.
        """
        left = self.queries - 1 - _TRIES - bisections
        rounds: list[int] = []
        while True:
            probes = int(self.probes * math.sqrt(len(rounds) + 1))
            left -= probes + _HALVINGS + bisections
            if left < 0:
                return rounds
            rounds.append(probes)

    def nearest(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The nearest point ``(n, ...)`` of the walk, which is misclassified, or the clean input. See the base."""
        best, ball = x.clone(), as_norm_ball(threat)
        if not len(x):
            return best
        search = _Search(oracle.using(objective=Misclassified()), x, ball)
        rows = torch.arange(len(x), device=x.device)
        rows = rows[~search.fooled(x, rows)]
        bisections = _bisections(ball, x[0].numel())
        rows, start = search.starts(rows, rng, min(_TRIES, self.queries - 1 - bisections))
        here = search.boundary(start, rows, bisections)
        best[rows] = here
        distance = shortest = ball.distance(here, x[rows])
        for number, probes in enumerate(self.rounds(bisections) if len(rows) else [], 1):
            delta = distance / x[0].numel() if number > 1 else torch.full_like(distance, 0.1 * (threat.high - threat.low))
            slope = search.slope(here, rows, delta, rng.rows(rows).fold("round", number), probes)
            here, jumped = search.jump(here, slope, rows, distance / math.sqrt(number))
            here[jumped] = search.boundary(here[jumped], rows[jumped], bisections)
            distance = ball.distance(here, x[rows])
            # A round may lead away for a while (in linf, often): the walk goes on from there, the best is kept.
            nearer = distance < shortest
            best[rows[nearer]], shortest = here[nearer], torch.minimum(distance, shortest)
        return best


def _bisections(ball: NormBall, entries: int) -> int:
    """How often a way is halved: to the precision theta of the paper, but no finer than float32 can tell.

    theta is ``|1| / d**2`` for d entries, ``|1|`` the norm of d ones: ``d**-1.5`` in l2 and ``d**-2`` in linf.
    """
    d = max(entries, 2)
    return min(math.ceil(math.log2(d * d / ball.size_of_ones(d))), 24)


@dataclass(frozen=True)
class _Search:
    """Queries at points ``(m, ...)`` that stand for ``rows`` ``(m,)`` of ``x``."""

    oracle: Oracle
    x: Tensor
    threat: NormBall

    def fooled(self, points: Tensor, rows: Tensor) -> Tensor:
        """``(m,)`` bool: misclassified (with a stochastic model, by most draws). One query each."""
        return self.oracle.query(points, rows, grad=False).value > 0.5

    def starts(self, rows: Tensor, rng: KeyedRng, tries: int) -> tuple[Tensor, Tensor]:
        """Those of ``rows`` for which one of ``tries`` random points of the box is misclassified, and these points."""
        starts = self.x.clone()
        started = torch.zeros(len(self.x), dtype=torch.bool, device=self.x.device)
        for k in range(tries):
            left = rows[~started[rows]]
            if not len(left):
                break
            noise = rng.rows(left).fold("start", k).uniform(*self.x.shape[1:]).to(self.x)
            points = self.threat.low + (self.threat.high - self.threat.low) * noise
            fooled = self.fooled(points, left)
            starts[left[fooled]], started[left[fooled]] = points[fooled], True
        rows = rows[started[rows]]
        return rows, starts[rows]

    def boundary(self, points: Tensor, rows: Tensor, bisections: int) -> Tensor:
        """Misclassified points close to the boundary, between the clean inputs and misclassified ``points``."""
        clean, nearest = self.x[rows], points
        low, high = points.new_zeros(len(points)), points.new_ones(len(points))
        for _ in range(bisections if len(rows) else 0):
            middle = (low + high) / 2
            between = self.threat.between(clean, points, middle)
            fooled = self.fooled(between, rows)
            nearest = torch.where(per_row(fooled, points), between, nearest)
            low, high = torch.where(fooled, low, middle), torch.where(fooled, middle, high)
        return nearest

    def slope(self, here: Tensor, rows: Tensor, delta: Tensor, rng: KeyedRng, probes: int) -> Tensor:
        """Unit step ``(m, ...)`` towards where more points around ``here`` are misclassified; delta: their distance."""
        size = per_row(delta, here)
        phi_sum, u_sum, both = delta.new_zeros(len(rows)), torch.zeros_like(here), torch.zeros_like(here)
        for begin in range(0, probes, _AT_ONCE):
            count = min(_AT_ONCE, probes - begin)
            stream = rng.fold("probes", begin)
            noise = self.threat.directions(here, stream, count)
            length = torch.linalg.vector_norm(noise.flatten(2), dim=2)
            u = noise / length.view(*length.shape, *([1] * (here.dim() - 1)))
            points = (here[:, None] + size[:, None] * u).clamp(self.threat.low, self.threat.high)
            # The probe that was tried is the one after clipping to the box.
            u = (points - here[:, None]) / size[:, None].clamp_min(torch.finfo(here.dtype).tiny)
            fooled = self.fooled(points.flatten(0, 1), rows.repeat_interleave(count)).view(len(rows), count)
            phi = torch.where(fooled, 1.0, -1.0).to(here)
            phi_sum, u_sum = phi_sum + phi.sum(1), u_sum + u.sum(1)
            both = both + torch.einsum("nk,nk...->n...", phi, u)
        mean = phi_sum / probes
        # Where all probes agree, their mean is the direction or its opposite, and there is nothing to centre.
        centre = torch.where(mean.abs() == 1, 0.0, mean)
        return self.threat.steepest(both - per_row(centre, here) * u_sum)

    def jump(self, here: Tensor, slope: Tensor, rows: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """Misclassified points along the slope, at the first of ``size``, ``size / 2``, ..., else ``here``; and where."""
        moved, succeeded = here.clone(), torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        for halving in range(_HALVINGS):
            left = (~succeeded).nonzero()[:, 0]
            if not len(left):
                break
            step = per_row(size[left] / 2**halving, here)
            points = (here[left] + step * slope[left]).clamp(self.threat.low, self.threat.high)
            fooled = self.fooled(points, rows[left])
            moved[left[fooled]], succeeded[left[fooled]] = points[fooled], True
        return moved, succeeded
