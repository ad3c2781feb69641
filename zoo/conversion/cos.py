"""Calibration by offset spikes (COS; Hao et al., ICLR 2023, arXiv 2302.10685).

A neuron whose input is uneven in time may end with one spike too many or too few. Layer by layer, the first
``rho`` steps are run, and where the final potential v lies outside [0, threshold) the start is shifted by exactly the
amount that makes the layer send one spike more or one spike less; then the layer runs again from its new start. In units of
the threshold, with m before and v after the reset, and e = 0.001:

    v(rho) < 0, and it spiked     start - max(1, min m over its spikes - 1 + e)
    v(rho) >= 1                   start + max(1, 1 - max v over its silent steps + e)

One iteration, as in the released code. A neuron that spiked at each step and still has v >= 1 has no silent step;
its shift is so large that it always fires. Shifts depend on the image, are recomputed in each forward, and
have no gradient. The network runs for max(T, rho) steps, since each layer calibrates on the output of the layer below.
The paper counts a latency of rho + T; layers that waited for one another would need rho steps each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Dynamics
from zoo.conversion.convert import NEURON, Converted
from zoo.spiking.kernels import IntegrateAndFire, integrate_and_fire
from zoo.spiking.neurons import LIF

MARGIN = 1e-3
ALWAYS = 1001.0
"""Shift of a neuron that is to fire at each step, in units of the threshold, as in the released code."""


def shifts(current: Tensor, dynamics: Dynamics) -> Tensor:
    """Shift of the start of each neuron, ``(n, ...)``, from the current of the calibration steps, ``(rho, n, ...)``."""
    threshold = dynamics.threshold
    potential, spikes = integrate_and_fire(current, dynamics)
    potential, fired = potential / threshold, spikes > 0
    left = potential[-1] - spikes[-1]
    smallest = potential.where(fired, torch.inf).amin(0)
    largest = potential.where(~fired, -torch.inf).amax(0)
    down = (smallest - 1 + MARGIN).clamp_min(1)
    up = (1 - largest + MARGIN).clamp(1, ALWAYS)
    shift = torch.where(left >= 1, up, 0.0) - torch.where((left < 0) & fired.any(0), down, 0.0)
    return shift * threshold


class OffsetSpikes(LIF):
    """Integrate-and-fire neurons whose start is shifted after ``rho`` steps; needs ``decay=1`` and a soft reset."""

    def __init__(self, *, rho: int, **neuron: Any) -> None:
        super().__init__(**neuron)
        if self.dynamics.decay != 1 or self.dynamics.reset != "soft":
            raise ValueError("offset spikes are counted in neurons without leak and with a soft reset")
        self.rho = rho

    def forward(self, current: Tensor) -> Tensor:
        """Spikes ``(T, n, ...)`` for a current of the same shape.

        Raises ``ValueError`` if the current has fewer than ``rho`` steps.
        """
        if len(current) < self.rho:
            raise ValueError(f"{self.rho} steps of calibration do not fit into a current of {len(current)} steps")
        with torch.no_grad():
            shift = shifts(current[: self.rho], self.dynamics)
        # Without leak, raising the start by an amount equals raising the first current by it.
        first = torch.zeros(len(current), dtype=current.dtype, device=current.device)
        first[0] = 1
        shifted = current + first.view(-1, *[1] * shift.dim()) * shift
        spikes: Tensor = IntegrateAndFire.apply(shifted, self.dynamics, self._chosen or self.own_gradient)
        return spikes


def snn_cos(*, steps: int, rho: int = 4, surrogate: str = "triangle", width: float | None = None, **shape: Any) -> nn.Module:
    """The source on neurons calibrated by offset spikes; other arguments as of ``snn_qcfs``.

    steps: T, without calibration. rho: steps of calibration. Raises ``ValueError`` if ``rho`` is below 1.
    """
    if rho < 1:
        raise ValueError(f"offset spikes are seen after at least one step of calibration, not {rho}")
    model: nn.Module = Converted(
        lambda: OffsetSpikes(rho=rho, **NEURON, surrogate=surrogate, width=width),
        run=max(steps, rho),
        first=0,
        steps=steps,
        latency=rho + steps,
        **shape,
    )
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
