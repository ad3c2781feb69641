"""Threats whose ball is that of a norm, ``|adv - x| <= eps``: what walks along gradients need.

A new norm gives ``norm``, ``dual_norm``, ``steepest`` and ``random``. The rest has a default that is right for every norm
that ignores signs and grows with each entry's size (all l_p norms do); a subclass overrides it where it knows better.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class NormBall(Threat):
    """All ``adv`` of the box with ``|adv - x| <= eps``. Perturbations and gradients are ``(n, ...)``."""

    name: ClassVar[str] = "balls of norms"

    @abstractmethod
    def norm(self, delta: Tensor) -> Tensor:
        """Norm of each perturbation: ``(n,)``, in the dtype of ``delta``; differentiable wherever the norm is."""

    @abstractmethod
    def dual_norm(self, gradient: Tensor) -> Tensor:
        """Largest inner product of each gradient with a perturbation of norm 1: ``(n,)``."""

    @abstractmethod
    def steepest(self, gradient: Tensor) -> Tensor:
        """The perturbation of norm 1 that has the largest inner product with each gradient, ``(n, ...)``.

        A row whose gradient is zero stays zero: it has no direction. Gradients of confident models are so small, and
        exploding ones so large, that their squares leave the range of float32; the result must be right for them too.
        """

    def distance(self, adv: Tensor, x: Tensor) -> Tensor:
        """``|adv - x|`` ``(n,)``."""
        return self.norm(adv - x)

    def furthest(self, x: Tensor) -> Tensor:
        """Distance ``(n,)`` from ``x`` ``(n, ...)`` to the farthest point of the box."""
        return self.norm(torch.maximum(x - self.low, self.high - x))

    def shrink(self, delta: Tensor) -> Tensor:
        """Each perturbation ``(n, ...)`` brought into the ball around 0, whatever the box."""
        eps, length = self.radius(delta), per_row(self.norm(delta), delta)
        return delta * torch.where(length > eps, eps / length.clamp_min(torch.finfo(delta.dtype).tiny), 1.0)

    def project(self, adv: Tensor, x: Tensor) -> Tensor:
        """``adv`` ``(n, ...)`` scaled into the ball around ``x``, then clamped into the box.

        Clamping towards a box that contains the centre never lengthens the perturbation, so the result is in both. It is
        feasible, not the nearest feasible point, as in every library.
        """
        return (x + self.shrink(adv - x)).clamp(self.low, self.high)

    def size_of_ones(self, entries: int) -> float:
        """Norm of a perturbation of ``entries`` ones: what a radius is divided by where all entries get the same share."""
        return float(self.norm(torch.ones(1, entries, dtype=torch.float64)))

    def unit_step(self, move: Tensor) -> Tensor:
        """A step of Adam ``(n, ...)``, whose entries are each about 1 in size, brought to about norm 1."""
        return self.steepest(move)

    def directions(self, like: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """Random directions ``(n, count, ...)`` by which a decision boundary near ``like`` ``(n, ...)`` is probed."""
        return rng.normal(count, *like.shape[1:]).to(like)

    def between(self, clean: Tensor, adv: Tensor, share: Tensor) -> Tensor:
        """Points ``(n, ...)`` on the way from ``clean`` to ``adv``, at ``share`` ``(n,)`` of the distance."""
        return clean + per_row(share, adv) * (adv - clean)

    def squared_size(self, relative: Tensor) -> Tensor:
        """Squared size ``(n,)`` of perturbations given in units of the radius, about 1 for one that uses all of it.

        Differentiable at 0.
        """
        return self.norm(relative).square()


def as_norm_ball(threat: Threat) -> NormBall:
    """``threat`` itself, for a search that needs a norm. Raises ``ValueError`` if it has none."""
    if not isinstance(threat, NormBall):
        raise ValueError(f"{threat.name} is not the ball of a norm")
    return threat
