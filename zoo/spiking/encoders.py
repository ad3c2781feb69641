"""From an image to a signal over time: ``(N, C, H, W)`` to ``(T, N, C, H, W)``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Coding
from attacks.randomness import uniform_like
from zoo.spiking.frequency import Frequency
from zoo.spiking.signals import repeated
from zoo.spiking.timing import FrontLoaded, Latency


class Direct(nn.Module):
    """The image itself as input current at every step, stored once."""

    stochastic = False

    def __init__(self, *, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``(N, C, H, W)`` at each of T steps: ``(T, N, C, H, W)``."""
        return repeated(x, self.steps)


class _StraightThrough(torch.autograd.Function):
    """Spikes forward; backward, each step passes its gradient to the intensity unchanged, or only where it sent a spike."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, draws: Tensor, masked: bool) -> Tensor:
        spikes = (draws <= x).to(x.dtype)
        ctx.save_for_backward(spikes if masked else None)
        return spikes

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (spikes,) = ctx.saved_tensors
        return (grad if spikes is None else grad * spikes).sum(0), None, None


class Poisson(nn.Module):
    """Rate code: at each step a pixel spikes with probability equal to its intensity.

    Stochastic: inside a keyed context (see :mod:`attacks.randomness`) the draws are keyed.
    The backward is straight-through, which is the derivative of the expected spikes and so also the smooth rule,
    unless an attacker chooses the masked rule.
    """

    stochastic = True

    def __init__(self, *, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self._chosen: Coding | None = None

    def take_coding(self, coding: Coding | None) -> Coding | None:
        """Use ``coding`` from the next forward on; None for the encoder's own. Returns the coding used before."""
        before, self._chosen = self._chosen, coding
        return before

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(T, N, C, H, W)`` of intensities ``(N, C, H, W)`` in [0, 1]."""
        draws = uniform_like(x.detach(), draws=self.steps, layer="poisson")
        spikes: Tensor = _StraightThrough.apply(x, draws, self._chosen == "masked")
        return spikes


ENCODERS: dict[str, type[Direct] | type[Poisson] | type[Latency] | type[FrontLoaded] | type[Frequency]] = {
    "direct": Direct,
    "poisson": Poisson,
    "latency": Latency,
    "front": FrontLoaded,
    "frequency": Frequency,
}
