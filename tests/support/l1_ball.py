"""A third threat, in one file, as a plug-in would bring it: the l1 ball."""

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
class L1(NormBall):
    """The changes of all entries together may be at most eps."""

    name: ClassVar[str] = "l1"
    text: ClassVar[str] = "the changes of all pixels together may be at most the radius"

    def norm(self, delta: Tensor) -> Tensor:
        return delta.flatten(1).abs().sum(1)

    def dual_norm(self, gradient: Tensor) -> Tensor:
        return gradient.flatten(1).abs().amax(1)

    def steepest(self, gradient: Tensor) -> Tensor:
        flat = gradient.flatten(1)
        largest = flat.abs().argmax(1, keepdim=True)
        return torch.zeros_like(flat).scatter(1, largest, flat.gather(1, largest).sign()).view(gradient.shape)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        # Signed exponential numbers over their sum are uniform on the sphere of l1.
        size = -rng.fold("size").uniform(*x.shape[1:]).to(x).log()
        point = size * (rng.fold("sign").uniform(*x.shape[1:]).to(x) - 0.5).sign() / per_row(self.norm(size), x)
        share = rng.fold("share").uniform(*([1] * (x.dim() - 1))).to(x) ** (1 / math.prod(x.shape[1:]))
        return self.project(x + self.radius(x) * share * point, x)
