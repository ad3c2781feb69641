"""Gradient ascent without gradients: NES (Ilyas et al., ICML 2018) and SPSA (Uesato et al., ICML 2018).

The slope is estimated from pairs of queries on both sides of the iterate:

    g = 1 / (2 q sigma) * sum_k (f(x + sigma u_k) - f(x - sigma u_k)) u_k

NES draws normal directions u and steps by the sign (l2: the normalised estimate); SPSA draws signs and steps with
Adam. Both see outputs only, so a model that hides its gradients gains nothing.

Every probe is projected into ball and box, so each query is itself a candidate and none is wasted. At an edge a
probe moves on one side only, which halves the slope of an entry there and never turns it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.adam import Moments
from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.fitting import Traits
from attacks.objectives import Classification, Margin, objective_named, unless_scoring
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.rows import places
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds

_AT_ONCE = 16
"""Pairs in one call of the oracle: bounds the memory. A constant, so that a row leaves after the same query everywhere."""
_MOST_ENTRIES = 2**26
"""Of all candidates of one call, in numbers: 256 MiB of float32."""


def rows_at_once(x: Tensor, candidates: int) -> int:
    """How many of the rows ``x`` ``(n, ...)`` to search at a time, if each has so many candidates in one call."""
    return max(1, _MOST_ENTRIES // max(1, candidates * x[0].numel())) if len(x) else 1


@dataclass(frozen=True, kw_only=True)
class EstimatedGradient(Attack):
    """Base of NES and SPSA.

    steps: ascents. pairs: antithetic pairs of queries per step. sigma: size of a probe in input units; None means
    half of eps (l2: an entry's share of it), because the outputs of a spiking network are stairs, on which smaller probes
    see nothing. step_size: in input units; None means ``2.5 * eps / steps``. objective: a name in
    :data:`~attacks.objectives.OBJECTIVES`; None is the margin on a classifier, and on a score what the oracle was made with.
    Raises ``ValueError`` for steps or pairs below 1, a size that is not positive, and an unknown objective.
    """

    threats: ClassVar[ThreatKinds] = (NormBall,)
    access: ClassVar[Access] = "score"

    steps: int = 20
    pairs: int = 25
    sigma: float | None = None
    step_size: float | None = None
    objective: str | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.pairs < 1:
            raise ValueError(f"steps and pairs must be at least 1, got {self.steps} and {self.pairs}")
        for name, value in (("sigma", self.sigma), ("step_size", self.step_size)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if self.objective is not None:
            objective_named(self.objective)

    def misfit_of_model(self, traits: Traits) -> str | None:
        """As in the base; besides, on a score, an objective that needs classes."""
        reason = super().misfit_of_model(traits)
        return reason or (unless_scoring(type(self).__name__, self.objective) if traits.scores else None)

    def cost(self) -> tuple[int, int]:
        """Both queries of each pair, and a last look, as (forwards, 0)."""
        return self.steps * 2 * self.pairs + 1, 0

    @abstractmethod
    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """``(count, n, ...)`` random directions for rows like ``x`` ``(n, ...)``, entries of variance 1."""

    @abstractmethod
    def ascent(self, slope: Tensor, moments: Moments, step: int, threat: NormBall) -> Tensor:
        """Step of unit size for rows ``(n, ...)``; ``moments`` are updated in place. step: counted from 1."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The input ``(n, ...)`` of the highest objective among probes and iterates, or the first that broke a row."""
        self.require_fit(oracle, x, threat)
        ball = as_norm_ball(threat)
        if self.objective is not None:
            oracle = oracle.using(objective=objective_named(self.objective))
        elif isinstance(oracle.objective, Classification):
            oracle = oracle.using(objective=Margin())
        best = Best.starting_at(x)
        for rows in best.standing().split(rows_at_once(x, 2 * _AT_ONCE)):
            self._climb(oracle, x, ball, rng, rows, best)
        return best.inputs

    def _climb(self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best) -> None:
        """All steps of ``rows`` ``(m,)``; every probe is recorded in ``best``."""
        adv = x[rows]
        if oracle.objective.flat_at_clean:
            adv = threat.rows(rows).random(adv, rng.rows(rows).fold("start"))
        moments = Moments.like(adv)
        for step in range(1, self.steps + 1):
            if not len(rows):
                return
            slope = self._slope(oracle, adv, x, threat, rng.fold("step", step), rows, best)
            going = places(~best.broken[rows])
            rows, adv, slope, moments = rows[going], adv[going], slope[going], moments.rows(going)
            ball = threat.rows(rows)
            size = 2.5 * ball.radius(x[rows]) / self.steps if self.step_size is None else self.step_size
            adv = ball.project(adv + size * self.ascent(slope, moments, step, ball), x[rows])
        if len(rows):
            best.update(adv, rows, oracle.query(adv, rows, grad=False))

    def _slope(
        self, oracle: Oracle, adv: Tensor, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best
    ) -> Tensor:
        """Estimated gradient at ``adv`` ``(n, ...)`` of ``rows``; every probe is recorded in ``best``."""
        slope = torch.zeros_like(adv)
        going = torch.arange(len(rows), device=rows.device)
        for begin in range(0, self.pairs, _AT_ONCE):
            count = min(_AT_ONCE, self.pairs - begin)
            queried, clean, here = rows[going], x[rows[going]], adv[going]
            ball = threat.rows(queried)
            u = self.directions(clean, rng.rows(queried).fold("pairs", begin), count)
            size = self._probe(clean, ball)
            probes = torch.cat([ball.project(here + sign * size * direction, clean) for sign in (1, -1) for direction in u])
            answer = oracle.query(probes, queried.repeat(2 * count), grad=False)
            best.update_from(probes.view(2 * count, *clean.shape), queried, answer)
            value = answer.value.view(2 * count, -1)
            rise = value[:count] - value[count:]
            slope[going] += torch.einsum("kn,kn...->n...", rise, u)
            going = going[~best.broken[queried]]
            if not len(going):
                break
        return slope

    def _probe(self, x: Tensor, threat: NormBall) -> Tensor | float:
        if self.sigma is not None:
            return self.sigma
        return threat.radius(x) / 2 / threat.size_of_ones(x[0].numel())


@dataclass(frozen=True, kw_only=True)
class NES(EstimatedGradient):
    """Natural evolution strategies: normal directions, steps along the sign of the estimate (l2: normalised)."""

    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """Standard normal directions, ``(count, n, ...)``."""
        return rng.normal(count, *x.shape[1:]).transpose(0, 1).to(x)

    def ascent(self, slope: Tensor, moments: Moments, step: int, threat: NormBall) -> Tensor:
        """The steepest step along the estimate, ``(n, ...)``."""
        return threat.steepest(slope)


@dataclass(frozen=True, kw_only=True)
class SPSA(EstimatedGradient):
    """Simultaneous perturbation: random signs as directions, steps of Adam (0.9, 0.999)."""

    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """Random signs, ``(count, n, ...)``."""
        return (rng.uniform(count, *x.shape[1:]) - 0.5).sign().transpose(0, 1).to(x)

    def ascent(self, slope: Tensor, moments: Moments, step: int, threat: NormBall) -> Tensor:
        """A step of Adam brought to unit size, ``(n, ...)``."""
        return threat.unit_step(moments.step(slope, step))
