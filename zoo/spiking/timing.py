"""Deterministic codes of an intensity in the times of its spikes (Ding et al., 2023, arXiv 2306.05654).

With T steps an intensity x in [0, 1] has a level ``c = ceil(x T)`` between 0 and T, and each
level has a code, a row of the codebook ``(T + 1, T)``:

    latency         one spike at step T - c, so that brighter is earlier: t = floor((1 - x) T)
    front-loaded    spikes at the first c steps: t < x T

Level 0 (black) is silent in both. The derivative of such a staircase is zero almost everywhere,
so each encoder defines a backward of its own. With g[t] the gradient that arrives at step t,
``G[c] = sum over t of codebook[c, t] g[t]`` is the first-order change of the loss when the code of level c is sent:

    smooth             T (G[c+1] - G[c-1]) / 2, one-sided at the ends: the exact derivative of the mean of G
                       when x is blurred uniformly by one level to either side
    straight_through   sum over t of g[t]: as if x itself were sent at each step
    masked             sum over the emitted spikes of g[t], as in the released code

``smooth`` is the default because it accounts for a spike that *moves*, and it makes the stronger attack: after 240 steps of
training, ``snn_ttfs`` under PGD-10 at 4/255 kept 2% of 50 validation images with it, 20% with ``straight_through`` and
22% with ``masked`` (66% clean). An attacker may choose another rule. The forward does not depend on it.
"""

from __future__ import annotations

from typing import Any, get_args

import torch
from torch import Tensor, nn

from attacks.gradients.base import Coding


class _Coded(torch.autograd.Function):
    """``spikes (T, n, ...) = _Coded.apply(x, codebook, backward)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, codebook: Tensor, backward: Coding) -> Tensor:
        steps = codebook.shape[1]
        level = (x * steps).ceil().clamp(0, steps).long()
        spikes = codebook.T[:, level]
        ctx.save_for_backward(level, codebook, spikes)
        ctx.rule = backward
        return spikes

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        level, codebook, spikes = ctx.saved_tensors
        if ctx.rule == "straight_through":
            return grad.sum(0), None, None
        if ctx.rule == "masked":
            return (grad * spikes).sum(0), None, None
        return expected_slope(grad, level, codebook), None, None


def expected_slope(grad: Tensor, level: Tensor, codebook: Tensor) -> Tensor:
    """The rule ``smooth``: gradient ``(n, ...)`` of the intensities.

    grad: ``(T, n, ...)``. level: ``(n, ...)``, of each intensity. codebook: ``(T + 1, T)``.
    """
    steps = codebook.shape[1]
    change = (codebook @ grad.flatten(1)).view(steps + 1, *level.shape)
    above, below = (level + 1).clamp_max(steps), (level - 1).clamp_min(0)
    rise: Tensor = change.gather(0, above[None])[0] - change.gather(0, below[None])[0]
    return rise * steps / (above - below)


class TimeCode(nn.Module):
    """Images ``(N, C, H, W)`` in [0, 1] to spikes ``(T, N, C, H, W)`` by a codebook.

    codebook: ``(T + 1, T)`` of 0 and 1. backward: its own coding (see the module).
    """

    stochastic = False
    codebook: Tensor

    def __init__(self, codebook: Tensor, backward: Coding) -> None:
        super().__init__()
        if backward not in get_args(Coding):
            raise ValueError(f"backward must be one of {', '.join(get_args(Coding))}, not {backward!r}")
        self.steps = codebook.shape[1]
        self.own_coding: Coding = backward
        self._chosen: Coding | None = None
        self.register_buffer("codebook", codebook, persistent=False)

    def take_coding(self, coding: Coding | None) -> Coding | None:
        """Use ``coding`` from the next forward on; None for the encoder's own. Returns the coding used before."""
        before, self._chosen = self._chosen, coding
        return before

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(T, N, C, H, W)`` of intensities ``(N, C, H, W)`` in [0, 1]."""
        spikes: Tensor = _Coded.apply(x, self.codebook, self._chosen or self.own_coding)
        return spikes


class Latency(TimeCode):
    """One spike per pixel, the earlier the brighter; black pixels stay silent."""

    def __init__(self, *, steps: int, backward: Coding = "smooth") -> None:
        super().__init__(torch.eye(steps + 1)[:, 1:].flip(1), backward)


class FrontLoaded(TimeCode):
    """As many spikes as the level, at successive steps from the first on."""

    def __init__(self, *, steps: int, backward: Coding = "smooth") -> None:
        super().__init__(torch.ones(steps + 1, steps).tril(-1), backward)
