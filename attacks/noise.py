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
from attacks.oracle import Oracle
from attacks.projections import project, steepest
from attacks.randomness import KeyedRng
from attacks.threat import Threat
from attacks.tracking import Best


def uniform_in_ball(x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
    """A point uniform in the ball around each row of ``x``, clipped to the box.

    linf: independent uniform entries. l2: a random direction scaled by ``u**(1/d)``.
    """
    eps = threat.radius(x)
    if threat.norm == "linf":
        return project(x + eps * (2 * rng.uniform(*x.shape[1:]).to(x) - 1), x, threat)
    direction = steepest(rng.normal(*x.shape[1:]).to(x), threat)
    length = rng.fold("length").uniform(*([1] * (x.dim() - 1))).to(x) ** (1 / x[0].numel())
    return project(x + eps * length * direction, x, threat)


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Attack):
    """Best of ``draws`` independent draws."""

    access: ClassVar[Access] = "score"

    draws: int = 1

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")

    @abstractmethod
    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        """One perturbed input per row, inside ball and box."""

    def cost(self) -> tuple[int, int]:
        return self.draws, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.check(threat)
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
        return uniform_in_ball(x, threat, rng)


@dataclass(frozen=True, kw_only=True)
class SignNoise(RandomNoise):
    """A random corner of the linf ball: ``eps * sign(N(0, 1))``; in l2, a random point of the sphere."""

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        direction = steepest(rng.normal(*x.shape[1:]).to(x), threat)
        return project(x + threat.radius(x) * direction, x, threat)


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(RandomNoise):
    """Gaussian noise, projected into the ball.

    sigma: standard deviation of an entry, in units of eps (linf) or of ``eps / sqrt(d)`` (l2), so that
        1 has about the size of the budget. Unprojected Gaussian noise, as some papers add it, leaves the ball.
    """

    sigma: float = 1.0

    def draw(self, x: Tensor, threat: Threat, rng: KeyedRng) -> Tensor:
        scale = self.sigma if threat.norm == "linf" else self.sigma / x[0].numel() ** 0.5
        return project(x + threat.radius(x) * scale * rng.normal(*x.shape[1:]).to(x), x, threat)
