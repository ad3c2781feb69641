"""The linf ball: every entry may change by at most eps, whatever the others do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class Linf(NormBall):
    """Entries within eps of the clean ones. Ball and box together are a box, so that clamping is the exact projection."""

    name: ClassVar[str] = "linf"
    text: ClassVar[str] = "every pixel may change by at most the radius"
    display_scale: ClassVar[float] = 255.0
    display_unit: ClassVar[str] = "pixel levels of 255"
    usual_eps: ClassVar[str | None] = "8/255"
    largest_eps: ClassVar[float] = 1.0

    def norm(self, delta: Tensor) -> Tensor:
        """Largest size of an entry, ``(n,)``."""
        return delta.flatten(1).abs().amax(1)

    def dual_norm(self, gradient: Tensor) -> Tensor:
        """The l1 norm, ``(n,)``."""
        return gradient.flatten(1).abs().sum(1)

    def steepest(self, gradient: Tensor) -> Tensor:
        """The sign of each entry, ``(n, ...)``."""
        return gradient.sign()

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``max(x - eps, low)`` and ``min(x + eps, high)``, ``(n, ...)``."""
        eps = self.radius(x)
        return (x - eps).clamp_min_(self.low), (x + eps).clamp_max_(self.high)

    def project(self, adv: Tensor, x: Tensor) -> Tensor:
        """The nearest point of ball and box, ``(n, ...)``."""
        lowest, highest = self.bounds(x)
        return adv.clamp(lowest, highest)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """Independent uniform entries, ``(n, ...)``."""
        return self.project(x + self.radius(x) * (2 * rng.uniform(*x.shape[1:]).to(x) - 1), x)

    def shrink(self, delta: Tensor) -> Tensor:
        """Entries clipped to ``[-eps, eps]``, ``(n, ...)``."""
        eps = self.radius(delta)
        return torch.minimum(torch.maximum(delta, -eps), eps)

    def size_of_ones(self, entries: int) -> float:
        """1, however many ``entries``."""
        return 1.0

    def unit_step(self, move: Tensor) -> Tensor:
        """``move`` ``(n, ...)`` itself: its entries have about the right size."""
        return move

    def directions(self, like: Tensor, rng: KeyedRng, count: int) -> Tensor:
        """Entries uniform in ``[-1, 1]``, ``(n, count, ...)``, as HopSkipJump draws them in linf."""
        return 2 * rng.uniform(count, *like.shape[1:]).to(like) - 1

    def between(self, clean: Tensor, adv: Tensor, share: Tensor) -> Tensor:
        """``adv`` clipped to ``share`` of its distance, ``(n, ...)``, as HopSkipJump bisects in linf."""
        radius = per_row(share * self.distance(adv, clean), adv)
        return torch.maximum(torch.minimum(adv, clean + radius), clean - radius)

    def squared_size(self, relative: Tensor) -> Tensor:
        """Mean square of the entries, ``(n,)``."""
        return relative.square().flatten(1).mean(1)
