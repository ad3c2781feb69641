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

from attacks.base import Access, Attack
from attacks.objectives import objective_named
from attacks.oracle import Answer, Oracle
from attacks.projections import project, steepest
from attacks.randomness import KeyedRng
from attacks.threat import Threat, per_row
from attacks.tracking import Best

_AT_ONCE = 16
"""Pairs in one call of the oracle: bounds the memory, and is fixed so that a row leaves after the same query everywhere."""


@dataclass
class _Moments:
    """Running means of Adam, per entry: of the slope and of its square."""

    first: Tensor
    second: Tensor

    def rows(self, index: Tensor) -> _Moments:
        return _Moments(self.first[index], self.second[index])


@dataclass(frozen=True, kw_only=True)
class EstimatedGradient(Attack):
    """Base of both.

    steps: ascents. pairs: antithetic pairs of queries per step. sigma: size of a probe in input units; None means
    half of eps (l2: an entry's share of it), because the outputs of a spiking network are stairs, on which smaller probes
    see nothing. step_size: in input units; None means ``2.5 * eps / steps``. objective: ``margin``, ``ce`` or ``dlr``.
    """

    access: ClassVar[Access] = "score"

    steps: int = 20
    pairs: int = 25
    sigma: float | None = None
    step_size: float | None = None
    objective: str = "margin"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.pairs < 1:
            raise ValueError(f"steps and pairs must be at least 1, got {self.steps} and {self.pairs}")
        for name, value in (("sigma", self.sigma), ("step_size", self.step_size)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        objective_named(self.objective)

    def cost(self) -> tuple[int, int]:
        return self.steps * 2 * self.pairs + 1, 0

    @abstractmethod
    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """``(count, n, ...)`` random directions for rows like ``x`` ``(n, ...)``, entries of variance 1."""

    @abstractmethod
    def ascent(self, slope: Tensor, moments: _Moments, step: int, threat: Threat) -> Tensor:
        """Step of unit size for rows ``(n, ...)``; ``moments`` are updated in place. step: counted from 1."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.check(threat)
        oracle = oracle.using(objective=objective_named(self.objective))
        best = Best.starting_at(x)
        rows = best.standing()
        adv, moments = x, _Moments(torch.zeros_like(x), torch.zeros_like(x))
        for step in range(1, self.steps + 1):
            if not len(rows):
                return best.inputs
            slope = self._slope(oracle, adv, x, threat, rng.fold("step", step), rows, best)
            going = ~best.broken[rows]
            rows, adv, slope, moments = rows[going], adv[going], slope[going], moments.rows(going)
            ball = threat.rows(rows)
            size = 2.5 * ball.radius(x[rows]) / self.steps if self.step_size is None else self.step_size
            adv = project(adv + size * self.ascent(slope, moments, step, ball), x[rows], ball)
        if len(rows):
            best.update(adv, rows, oracle.query(adv, rows, grad=False))
        return best.inputs

    def _slope(
        self, oracle: Oracle, adv: Tensor, x: Tensor, threat: Threat, rng: KeyedRng, rows: Tensor, best: Best
    ) -> Tensor:
        """Estimated gradient at ``adv`` ``(n, ...)`` of ``rows``; ``best`` hears of every probe."""
        slope = torch.zeros_like(adv)
        going = torch.arange(len(rows), device=rows.device)
        for begin in range(0, self.pairs, _AT_ONCE):
            count = min(_AT_ONCE, self.pairs - begin)
            asked, clean, here = rows[going], x[rows[going]], adv[going]
            ball = threat.rows(asked)
            u = self.directions(clean, rng.rows(asked).fold("pairs", begin), count)
            probes = torch.cat(
                [project(here + sign * self._probe(clean, ball) * one, clean, ball) for sign in (1, -1) for one in u]
            )
            answer = oracle.query(probes, asked.repeat(2 * count), grad=False)
            value, broken = answer.value.view(2 * count, -1), answer.broken.view(2 * count, -1)
            # One broken probe is as good as another: the first, so that the choice does not hang on ties.
            pick = torch.where(broken.any(0), broken.int().argmax(0), value.argmax(0))
            columns = torch.arange(len(asked), device=rows.device)
            chosen = probes.view(2 * count, *clean.shape)[pick, columns]
            best.update(chosen, asked, Answer(value[pick, columns], None, broken[pick, columns]))
            rise = value[:count] - value[count:]
            slope[going] += torch.einsum("kn,kn...->n...", rise, u)
            going = going[~best.broken[asked]]
            if not len(going):
                break
        return slope

    def _probe(self, x: Tensor, threat: Threat) -> Tensor | float:
        if self.sigma is not None:
            return self.sigma
        return threat.radius(x) / 2 / (1 if threat.norm == "linf" else x[0].numel() ** 0.5)


@dataclass(frozen=True, kw_only=True)
class NES(EstimatedGradient):
    """Natural evolution strategies: normal directions, steps along the sign of the estimate (l2: normalised)."""

    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        return rng.normal(count, *x.shape[1:]).transpose(0, 1).to(x)

    def ascent(self, slope: Tensor, moments: _Moments, step: int, threat: Threat) -> Tensor:
        return steepest(slope, threat)


@dataclass(frozen=True, kw_only=True)
class SPSA(EstimatedGradient):
    """Simultaneous perturbation: random signs as directions, steps of Adam (0.9, 0.999)."""

    def directions(self, x: Tensor, rng: KeyedRng, count: int) -> Tensor:
        return (rng.uniform(count, *x.shape[1:]) - 0.5).sign().transpose(0, 1).to(x)

    def ascent(self, slope: Tensor, moments: _Moments, step: int, threat: Threat) -> Tensor:
        # Adam does not see the scale of a slope, but its square must stay a number: each row is brought to size 1.
        scale = per_row(slope.flatten(1).abs().amax(1), slope).clamp_min(torch.finfo(slope.dtype).tiny)
        slope = slope / scale
        moments.first.mul_(0.9).add_(0.1 * slope)
        moments.second.mul_(0.999).add_(0.001 * slope.square())
        mean, square = moments.first / (1 - 0.9**step), moments.second / (1 - 0.999**step)
        move = mean / square.sqrt().clamp_min(1e-8)
        return move if threat.norm == "linf" else steepest(move, threat)
