"""The l2 ball: the perturbation has at most eps as its Euclidean length, over one whole input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class L2(NormBall):
    """Perturbations of Euclidean length at most eps. There is no usual radius: it depends on the number of entries."""

    name: ClassVar[str] = "l2"
    text: ClassVar[str] = "the change has at most the radius as Euclidean length"

    def norm(self, delta: Tensor) -> Tensor:
        """Euclidean length, ``(n,)``."""
        length: Tensor = torch.linalg.vector_norm(delta.flatten(1), dim=1)
        return length

    def dual_norm(self, gradient: Tensor) -> Tensor:
        """Euclidean length, ``(n,)``."""
        return self.norm(gradient)

    def steepest(self, gradient: Tensor) -> Tensor:
        """Each gradient brought to length 1, ``(n, ...)``, by its largest entry first, so that squares stay finite."""
        tiny = torch.finfo(gradient.dtype).tiny
        scaled = gradient / per_row(gradient.flatten(1).abs().amax(1), gradient).clamp_min(tiny)
        return scaled / per_row(self.norm(scaled), gradient).clamp_min(tiny)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """A random direction times ``eps * u**(1/d)``, u uniform in (0, 1), for d entries: ``(n, ...)``."""
        direction = self.steepest(rng.normal(*x.shape[1:]).to(x))
        length = rng.fold("length").uniform(*([1] * (x.dim() - 1))).to(x) ** (1 / math.prod(x.shape[1:]))
        return self.project(x + self.radius(x) * length * direction, x)

    def size_of_ones(self, entries: int) -> float:
        """Square root of ``entries``."""
        return math.sqrt(entries)

    def squared_size(self, relative: Tensor) -> Tensor:
        """Sum of the squares of the entries, ``(n,)``."""
        return relative.square().flatten(1).sum(1)
