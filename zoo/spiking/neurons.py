"""Layers of spiking neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from attacks.gradients.base import Dynamics, LayerGradient, Reset
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.surrogates import Surrogate
from zoo.spiking.kernels import IntegrateAndFire
from zoo.spiking.signals import constant_in_time, the_step


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons, run over all time steps at once.

    ``u[t] = decay * v[t-1] + scale[t] * I[t]``, ``s[t] = 1[u[t] >= threshold]``; the hard reset sets
    v to 0 where a spike was emitted, the soft one subtracts the threshold. ``v[-1] = start``.

    decay: leak factor; 1 gives integrate-and-fire. threshold > 0.
    surrogate, width: the slope used in training (see :mod:`attacks.gradients.surrogates`).
    reset_path: whether training lets the gradient flow through the reset.
    input_scale: T, for one learnable factor per time step, initialised to 1 (DLIF, Ding et al.,
        ICML 2024); None for none.
    """

    def __init__(
        self,
        *,
        decay: float = 0.9,
        threshold: float = 1.0,
        reset: Reset = "hard",
        start: float = 0.0,
        surrogate: str = "triangle",
        width: float | None = None,
        reset_path: Literal["attached", "detached"] = "attached",
        input_scale: int | None = None,
    ) -> None:
        super().__init__()
        if not threshold > 0:
            raise ValueError(f"the threshold must be positive, got {threshold}")
        if reset not in ("hard", "soft"):
            raise ValueError(f"reset must be 'hard' or 'soft', not {reset!r}")
        self.dynamics = Dynamics(decay=decay, threshold=threshold, reset=reset, start=start)
        self.own_gradient: LayerGradient = ThroughTime(Surrogate(surrogate, width), reset_path == "attached")
        self._chosen: LayerGradient | None = None
        self.observer: Callable[[Tensor], None] | None = None
        self.input_scale = None if input_scale is None else nn.Parameter(torch.ones(input_scale))

    def take_gradient(self, gradient: LayerGradient | None) -> LayerGradient | None:
        """Use ``gradient`` from the next forward on; None for the layer's own. Returns the gradient used before."""
        before, self._chosen = self._chosen, gradient
        return before

    def forward(self, current: Tensor) -> Tensor:
        """Spikes ``(T, N, ...)`` of 0 and 1 for an input current of the same shape."""
        return self.pooled(current, 1)

    def pooled(self, current: Tensor, pool: int) -> Tensor:
        """Means of the spikes over ``pool`` x ``pool`` windows, which cost less here than in a layer of their own.

        current: ``(T, N, C, H, W)``, H and W multiples of ``pool``; of any shape if ``pool`` is 1.
        """
        scaled, gradient = self.driving(current), self._chosen or self.own_gradient
        spikes: Tensor
        # A hook on the layer may need dL/dcurrent at each step, not the sum over steps that suffices for the image.
        if len(scaled) > 1 and constant_in_time(scaled) and not self._forward_pre_hooks:
            spikes = IntegrateAndFire.apply(the_step(scaled), self.dynamics, gradient, len(scaled), pool)
        else:
            spikes = IntegrateAndFire.apply(scaled, self.dynamics, gradient, None, pool)
        return spikes

    def driving(self, current: Tensor) -> Tensor:
        """What the neurons add up: the scaled ``current``, of its shape ``(T, N, ...)``. An observer is shown it."""
        scaled = self.scaled(current)
        if self.observer is not None:
            self.observer(scaled)
        return scaled

    def scaled(self, current: Tensor) -> Tensor:
        """``current`` ``(T, N, ...)`` times the scale of each time step, if the neurons have one.

        Raises ``ValueError`` for another number of steps than they have scales.
        """
        if self.input_scale is None:
            return current
        if len(current) != len(self.input_scale):
            raise ValueError(f"the neurons have a scale for {len(self.input_scale)} steps, the current has {len(current)}")
        return current * self.input_scale.view(-1, *([1] * (current.dim() - 1)))

    def extra_repr(self) -> str:
        """Dynamics and training gradient for ``repr``."""
        return f"{self.dynamics}, {self.own_gradient}"
