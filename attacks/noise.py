"""Random noise: what any input-independent perturbation of the same size achieves.

The baseline against which an attack is measured. With several ``draws`` the best of K is
kept (the gap at equal numbers of queries).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from attacks.base import Access, Attack
from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Attack):
    """Best of ``draws`` independent draws.

    Raises ``ValueError`` for draws below 1.
    """

    access: ClassVar[Access] = "score"

    draws: int = 1

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")

    @abstractmethod
    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """One perturbed input per row of ``x`` ``(n, ...)``, inside ball and box."""

    def cost(self) -> tuple[int, int]:
        """One forward per draw."""
        return self.draws, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The draw ``(n, ...)`` of the highest objective, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        best = Best.starting_at(x)
        for k in range(self.draws):
            rows = best.standing()
            if not len(rows):
                break
            noisy = self.draw(x[rows], threat.rows(rows), rng.rows(rows).fold("draw", k))
            best.update(noisy, rows, oracle.query(noisy, rows, grad=False))
        return best.inputs


@dataclass(frozen=True, kw_only=True)
class UniformNoise(RandomNoise):
    """Uniform in the ball."""

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """A point drawn evenly from the ball, ``(n, ...)``."""
        return threat.random(x, rng)


@dataclass(frozen=True, kw_only=True)
class SignNoise(RandomNoise):
    """A random corner of the linf ball: ``eps * sign(N(0, 1))``; in l2, a random point of the sphere."""

    threats: ClassVar[ThreatKinds] = (NormBall,)

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """``x`` moved by the whole radius along the steepest step of a normal draw, ``(n, ...)``."""
        ball = as_norm_ball(threat)
        direction = ball.steepest(rng.normal(*x.shape[1:]).to(x))
        return ball.project(x + ball.radius(x) * direction, x)


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(RandomNoise):
    """Gaussian noise, projected into the ball.

    sigma: standard deviation of an entry, in units of eps (linf) or of ``eps / sqrt(d)`` (l2), so that
        1 has about the size of the budget. Unprojected Gaussian noise, as some papers add it, leaves the ball.
    """

    threats: ClassVar[ThreatKinds] = (NormBall,)

    sigma: float = 1.0

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """``x`` plus normal entries, projected, ``(n, ...)``."""
        ball = as_norm_ball(threat)
        scale = self.sigma / ball.size_of_ones(x[0].numel())
        return ball.project(x + ball.radius(x) * scale * rng.normal(*x.shape[1:]).to(x), x)
