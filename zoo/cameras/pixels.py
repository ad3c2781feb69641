"""Pixels of a spike camera: charge adds up until it passes a threshold, then a spike is read out.

With ``q[t]`` the charge of tick t, ``u[t] = v[t-1] + q[t]`` and ``s[t] = 1[u[t] >= threshold]``; after a spike the threshold
is subtracted (``soft``) or the pixel is emptied (``hard``). These are integrate-and-fire neurons without a leak, and they
take gradient paths as neurons do. Their own gradient is the straight-through one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.gradients.base import Dynamics, LayerGradient, Reset, Trace
from zoo.spiking.kernels import IntegrateAndFire


@dataclass(frozen=True)
class ThroughCharge:
    """``ds[t]/dq[t] = 1 / threshold`` at each tick: over T ticks the slope of the expected number of spikes.

    A pixel whose initial charge is drawn evenly fires ``T q / threshold`` times on average, up to once a tick.
    """

    needs_current: bool = False

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dq`` ``(T, n, ...)`` from ``grad = dL/ds`` of the same shape."""
        return grad / trace.dynamics.threshold


class Pixels(nn.Module):
    """Charge ``(T, N, ...)`` to spikes of the same shape. threshold > 0; start: charge before the first tick.

    Raises ``ValueError`` for another threshold, and for a reset that is neither ``soft`` nor ``hard``.
    """

    def __init__(self, *, threshold: float = 1.0, reset: Reset = "soft", start: float = 0.0) -> None:
        super().__init__()
        if not threshold > 0:
            raise ValueError(f"the threshold must be positive, got {threshold}")
        if reset not in ("hard", "soft"):
            raise ValueError(f"reset must be 'hard' or 'soft', not {reset!r}")
        self.dynamics = Dynamics(decay=1.0, threshold=threshold, reset=reset, start=start)
        self.own_gradient: LayerGradient = ThroughCharge()
        self._chosen: LayerGradient | None = None

    def take_gradient(self, gradient: LayerGradient | None) -> LayerGradient | None:
        """Use ``gradient`` from the next forward on; None for the pixels' own. Returns the gradient used before."""
        before, self._chosen = self._chosen, gradient
        return before

    def forward(self, charge: Tensor) -> Tensor:
        """Spikes ``(T, N, ...)`` of 0 and 1 for the charge of each tick, of the same shape."""
        spikes: Tensor = IntegrateAndFire.apply(charge, self.dynamics, self._chosen or self.own_gradient)
        return spikes

    def extra_repr(self) -> str:
        """Dynamics for ``repr``."""
        return f"{self.dynamics}"


def spike_count(charge: Tensor, *, ticks: int, start: Tensor | float = 0.0, threshold: float = 1.0) -> Tensor:
    """Spikes in ``ticks`` ticks of pixels that subtract the threshold, in closed form.

    charge: of each tick, the same at all, at least 0; what is above the threshold is lost. start: charge before the first
    tick, in ``[0, threshold)``. Both of any shape that fits. ``floor((start + ticks * charge) / threshold)``.
    """
    return torch.floor((start + ticks * charge.clamp(max=threshold)) / threshold)
