"""A black-box attack over score boundaries, after Yang, Liu, Li and Jiang (arXiv 2401.05217).

A boundary turns a score into decisions: an input has crossed it or not. One round

1. puts the boundary halfway between the value of the clean input and the best value so far, and finds by bisection where
   the straight way between the two points crosses it;
2. estimates the normal of the boundary there from which of many probes cross it (HopSkipJump's estimate, Chen et al.,
   S&P 2020: v = mean_b (phi_b - mean phi) u_b, phi = +1 where crossed, -1 elsewhere);
3. goes from the best point along the normal, by several step sizes at once, back into the ball. A better point moves
   the boundary on.

The first directions are noise where the image is busy, because changes there are seen least. Choosing these places is the
paper's idea; its bound is the just-noticeable difference, and here the threat's ball takes its place. The best of all
queried points is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.activity import spatial_activity
from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.estimated import rows_at_once
from attacks.fitting import Traits, unless_images
from attacks.objectives import Classification, Margin, objective_named, unless_scoring
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds

STARTS = 10
"""First directions tried."""
BISECTIONS = 5
MEMORY = 0.9
"""Share of the normals of earlier rounds: a boundary of a smooth model bends little, and one estimate is noisy."""
LENGTHS = (2.0, 1.0, 0.5, 0.25, 0.125)
"""Steps tried along a normal, in units of eps; the first reaches any point of the ball from any other."""


@dataclass(frozen=True, kw_only=True)
class ScoreBoundary(Attack):
    """Walk over score boundaries, for images ``(n, C, H, W)``.

    queries: forwards per sample. probes: of one normal. objective: a name in :data:`~attacks.objectives.OBJECTIVES`;
    None is the margin on a classifier, and on a score whatever the oracle was made with.
    Raises ``ValueError`` for fewer than two probes or queries than one round needs.
    """

    threats: ClassVar[ThreatKinds] = (NormBall,)
    access: ClassVar[Access] = "score"

    queries: int = 1000
    probes: int = 60
    objective: str | None = None

    def __post_init__(self) -> None:
        if self.probes < 2 or self.rounds < 1:
            least = 1 + STARTS + self.round_cost
            raise ValueError(f"probes must be at least 2 and queries enough for a round, {least}, got {self.queries}")
        if self.objective is not None:
            objective_named(self.objective)

    @property
    def round_cost(self) -> int:
        """Queries of one round."""
        return BISECTIONS + self.probes + len(LENGTHS)

    @property
    def rounds(self) -> int:
        """Rounds that fit into the queries."""
        return (self.queries - 1 - STARTS) // self.round_cost

    def cost(self) -> tuple[int, int]:
        """The clean input, the first directions and the rounds, as (forwards, 0)."""
        return 1 + STARTS + self.rounds * self.round_cost, 0

    def misfit_of_model(self, traits: Traits) -> str | None:
        """As in the base; besides, on a score, an objective that needs classes."""
        reason = super().misfit_of_model(traits)
        return reason or (unless_scoring(type(self).__name__, self.objective) if traits.scores else None)

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """It looks for busy places of images (C, H, W) of at least 3 x 3 pixels."""
        return unless_images(type(self).__name__, shape, least=3)

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The input ``(n, ...)`` of the highest objective among all that were queried, or the first that broke a row."""
        self.require_fit(oracle, x, threat)
        if self.objective is not None:
            oracle = oracle.using(objective=objective_named(self.objective))
        elif isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        best = Best.starting_at(x)
        if not len(x):
            return best.inputs
        everyone = best.standing()
        answer = oracle.query(x, everyone, grad=False)
        best.update(x, everyone, answer)
        search = _Search(oracle, x, as_norm_ball(threat), answer.value, best, torch.zeros_like(x))
        for rows in everyone.split(rows_at_once(x, self.probes)):
            search.start(rows, rng.fold("start"))
            for number in range(self.rounds):
                search.round(rows, rng.fold("round", number), self.probes)
        return best.inputs


@dataclass(frozen=True)
class _Search:
    """Queries for the standing rows of ``x``; every queried point is recorded in ``best``.

    clean: values of ``x`` ``(n,)``. normals: those of the rounds so far, averaged, ``(n, ...)``; filled in place.
    """

    oracle: Oracle
    x: Tensor
    threat: NormBall
    clean: Tensor
    best: Best
    normals: Tensor

    def query(self, candidates: Tensor, rows: Tensor) -> Tensor:
        """Values ``(k, m)`` of ``candidates`` ``(k, m, ...)`` for ``rows`` ``(m,)``, one query each."""
        answer = self.oracle.query(candidates.flatten(0, 1), rows.repeat(len(candidates)), grad=False)
        self.best.update_from(candidates, rows, answer)
        return answer.value.view(len(candidates), -1)

    def standing(self, rows: Tensor) -> Tensor:
        """Those of ``rows`` that are not broken."""
        return rows[~self.best.broken[rows]]

    def start(self, rows: Tensor, rng: KeyedRng) -> None:
        """Try random corners of the ball where the image is busier than at its median, in blocks of 1, 2 and 4 pixels."""
        rows = self.standing(rows)
        if not len(rows):
            return
        clean, ball = self.x[rows], self.threat.rows(rows)
        activity = spatial_activity(clean)
        busy = activity >= activity.flatten(1).median(1).values.view(-1, 1, 1, 1)
        height, width = clean.shape[2:]
        corners = []
        for number in range(STARTS):
            block = 2 ** (number % 3)
            coarse = rng.rows(rows).fold(number).uniform(clean.shape[1], -(-height // block), -(-width // block)).to(clean)
            signs = (coarse - 0.5).sign().repeat_interleave(block, 2).repeat_interleave(block, 3)[..., :height, :width]
            corners.append(ball.project(clean + ball.radius(clean) * ball.steepest(signs * busy), clean))
        self.query(torch.stack(corners), rows)

    def round(self, rows: Tensor, rng: KeyedRng, probes: int) -> None:
        """One round for the standing of ``rows``; a row that breaks in a part of it leaves before the next."""
        rows, where, boundary = self.crossing(self.standing(rows))
        self.normals[rows] = MEMORY * self.normals[rows] + self.normal(where, boundary, rows, rng.rows(rows), probes)
        rows = self.standing(rows)
        if len(rows):
            clean, ball, here = self.x[rows], self.threat.rows(rows), self.best.inputs[rows]
            reach, normal = ball.radius(clean), ball.steepest(self.normals[rows])
            self.query(torch.stack([ball.project(here + length * reach * normal, clean) for length in LENGTHS]), rows)

    def crossing(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Those of ``rows`` that still stand, points close to their boundaries, and the boundaries ``(m,)``."""
        clean, far = self.x[rows], self.best.inputs[rows]
        boundary = (self.clean[rows] + self.best.value[rows]) / 2
        low, high = torch.zeros_like(boundary), torch.ones_like(boundary)
        for _ in range(BISECTIONS if len(rows) else 0):
            middle = (low + high) / 2
            crossed = self.query((clean + per_row(middle, clean) * (far - clean))[None], rows)[0] > boundary
            low, high = torch.where(crossed, low, middle), torch.where(crossed, middle, high)
            standing = ~self.best.broken[rows]
            rows, clean, far, boundary, low, high = (t[standing] for t in (rows, clean, far, boundary, low, high))
            if not len(rows):
                break
        return rows, clean + per_row((low + high) / 2, clean) * (far - clean), boundary

    def normal(self, where: Tensor, boundary: Tensor, rows: Tensor, rng: KeyedRng, probes: int) -> Tensor:
        """Estimated normal of the boundary at ``where`` ``(m, ...)``, of any length."""
        if not len(rows):
            return where
        clean, ball = self.x[rows], self.threat.rows(rows)
        size = ball.radius(clean) / 2 / ball.size_of_ones(clean[0].numel())
        u = rng.normal(probes, *clean.shape[1:]).transpose(0, 1).to(clean)
        copies = rows.repeat(probes)
        points = self.threat.rows(copies).project((where + size * u).flatten(0, 1), self.x[copies])
        points = points.view(u.shape)
        crossed = self.query(points, rows) > boundary
        # The probe that was tried is the one after projection into ball and box.
        u = (points - where) / size.clamp_min(torch.finfo(clean.dtype).tiny)
        phi = torch.where(crossed, 1.0, -1.0).to(clean)
        centred = torch.where(phi.mean(0).abs() == 1, phi, phi - phi.mean(0))
        return torch.einsum("kn,kn...->n...", centred, u)
