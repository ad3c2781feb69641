"""Silencing by residual membrane potential (SRP; Hao et al., AAAI 2023, arXiv 2302.02091).

A neuron whose input is uneven in time may spike although its source activation is 0. Its potential is then
negative once the spikes are subtracted. So the whole network first runs for ``tau`` steps. A neuron that ends at a
potential of at most 0.001 thresholds is silenced, all potentials start anew, and the network
runs for T more steps, over which logits are averaged. A silenced neuron integrates but sends nothing.
The latency is tau + T. The mask depends on the image, is recomputed in each forward, and has no gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.conversion.convert import NEURON, Converted
from zoo.spiking.kernels import IntegrateAndFire, integrate_and_fire
from zoo.spiking.neurons import LIF

SILENT_BELOW = 1e-3
"""Residual potential, in units of the threshold, up to which a neuron is silenced; 0 in theory."""


class ResidualMembrane(LIF):
    """Neurons that receive ``tau`` calibration steps and then the T counted steps, in one current ``(tau + T, n, ...)``.

    A gradient path covers the last T steps; the calibration steps only decide the mask.
    """

    def __init__(self, *, tau: int, **neuron: Any) -> None:
        super().__init__(**neuron)
        self.tau = tau

    def forward(self, current: Tensor) -> Tensor:
        """Spikes ``(tau + T, n, ...)`` for a current of the same shape.

        Raises ``ValueError`` if the current has no step after calibration.
        """
        if len(current) <= self.tau:
            raise ValueError(f"{self.tau} steps of calibration leave nothing of a current of {len(current)} steps")
        threshold = self.dynamics.threshold
        with torch.no_grad():
            potential, calibration = integrate_and_fire(current[: self.tau], self.dynamics)
            audible = potential[-1] - threshold * calibration[-1] > SILENT_BELOW * threshold
        gradient = self._chosen or self.own_gradient
        spikes: Tensor = IntegrateAndFire.apply(current[self.tau :], self.dynamics, gradient)
        return in_sequence(calibration, spikes * audible)


def in_sequence(first: Tensor, second: Tensor) -> Tensor:
    """Two signals ``(T, n, C, ...)`` one after the other, in channels-last order; ``torch.cat`` alone would lose it."""
    if first.dim() < 3:
        return torch.cat([first, second])
    return torch.cat([first.movedim(2, -1), second.movedim(2, -1)]).movedim(-1, 2)


def snn_srp(*, steps: int, tau: int = 4, surrogate: str = "triangle", width: float | None = None, **shape: Any) -> nn.Module:
    """The source on neurons that are silenced by their residual potential; other arguments as of ``snn_qcfs``.

    steps: T, without calibration. tau: steps of calibration. Raises ``ValueError`` if ``tau`` is below 1.
    """
    if tau < 1:
        raise ValueError(f"the residual potential is known after at least one step of calibration, not {tau}")
    model: nn.Module = Converted(
        lambda: ResidualMembrane(tau=tau, **NEURON, surrogate=surrogate, width=width),
        run=tau + steps,
        first=tau,
        steps=steps,
        latency=tau + steps,
        **shape,
    )
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
