"""Scenes over time whose light flickers: what a pixel may change is a budget for all ticks together.

The norm of a perturbation ``(n, T, ...)`` is the largest of its pixels' mean sizes over the T ticks. A perturbation that
stays is as large as in linf; the same light may instead come in a few ticks, or in one, where it is T times as strong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class Flicker(NormBall):
    """Scenes ``(n, T, ...)`` in which each pixel changes by at most eps in the mean over the ticks."""

    name: ClassVar[str] = "flicker"
    text: ClassVar[str] = "every pixel may change by at most the radius in the mean over the ticks, in any of them by more"
    display_scale: ClassVar[float] = 255.0
    display_unit: ClassVar[str] = "pixel levels of 255, in the mean over the ticks"
    usual_eps: ClassVar[str | None] = "2/255"
    largest_eps: ClassVar[float] = 1.0

    def misfit_of_inputs(self, x: Tensor) -> str | None:
        """Inputs that do not change over time: pictures."""
        if x.dim() != 5:
            return f"flicker needs scenes over time (T, C, H, W), not inputs {tuple(x.shape[1:])}"
        return None

    def norm(self, delta: Tensor) -> Tensor:
        """Largest mean size of a pixel over the ticks, ``(n,)``."""
        return _by_tick(delta).abs().mean(1).amax(1)

    def dual_norm(self, gradient: Tensor) -> Tensor:
        """T times the sum over pixels of the largest size at a tick, ``(n,)``."""
        return gradient.shape[1] * _by_tick(gradient).abs().amax(1).sum(1)

    def steepest(self, gradient: Tensor) -> Tensor:
        """All light of a pixel in the tick where its gradient is largest, shared out where several are: ``(n, T, ...)``."""
        size = _by_tick(gradient).abs()
        largest = (size == size.amax(1, keepdim=True)).to(gradient.dtype)
        share = gradient.shape[1] / largest.sum(1, keepdim=True)
        return (_by_tick(gradient).sign() * largest * share).view_as(gradient)

    def shrink(self, delta: Tensor) -> Tensor:
        """Each pixel's changes ``(n, T, ...)`` scaled into its budget, the other pixels' left as they are."""
        flat = _by_tick(delta)
        eps, mean = self.radius(flat), flat.abs().mean(1, keepdim=True)
        tiny = torch.finfo(delta.dtype).tiny
        return (flat * torch.where(mean > eps, eps / mean.clamp_min(tiny), 1.0)).view_as(delta)

    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """Every pixel evenly from its own ball, ``(n, T, ...)``: signed exponentials over their sum and one more."""
        ticks, pixels = _by_tick(x).shape[1:]
        sizes = -rng.uniform(ticks + 1, pixels).double().log()
        signs = torch.where(rng.fold("signs").uniform(ticks, pixels) < 0.5, -1.0, 1.0)
        change = (signs * ticks * sizes[:, :-1] / sizes.sum(1, keepdim=True)).to(x)
        return self.project(x + self.radius(x) * change.view_as(x), x)


def _by_tick(x: Tensor) -> Tensor:
    """``(n, T, ...)`` as ``(n, T, M)``."""
    return x.reshape(*x.shape[:2], -1)
