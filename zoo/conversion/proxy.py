"""Networks without spikes that use the weights of a spiking network; their gradients drive conversion-based attacks.

The same weights, one pass, and in place of spikes (Ding et al., SNN-RAT, NeurIPS 2022; Bu et al., RGA, CVPR 2023)

    relu    max(z, 0) / threshold, which never saturates
    clip    clip(floor(L z / threshold + 1/2) / L, 0, 1), a firing rate

The leak is left out, a scale per time step is replaced by its mean, an input code by the image, and a read-out by
first spikes by a read-out of currents. For a converted network, ``clip`` with the levels of its source
is the source itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from zoo.conversion.convert import Converted
from zoo.conversion.qcfs import QCFS
from zoo.spiking.encoders import ENCODERS, Direct
from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.neurons import LIF
from zoo.spiking.readouts import MeanLogits


class Rate(nn.Module):
    """Firing rate of a layer of neurons as a function of its current, in units of the threshold."""

    def __init__(self, neurons: LIF, activation: nn.Module) -> None:
        super().__init__()
        scale = neurons.input_scale
        gain = 1.0 if scale is None else float(scale.detach().mean())
        self.gain = gain / neurons.dynamics.threshold
        self.activation = activation

    def forward(self, current: Tensor) -> Tensor:
        """Rates for a ``current`` of any shape."""
        rate: Tensor = self.activation(current if self.gain == 1 else current * self.gain)
        return rate


def proxy(model: nn.Module, kind: Literal["relu", "clip"], *, levels: int = 8) -> nn.Module:
    """A frozen copy of ``model`` in eval mode, without spikes: ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``.

    levels: L of ``clip``. Raises ``ValueError`` for another kind, or for a model without spiking layers.
    """
    if kind not in ("relu", "clip"):
        raise ValueError(f"a proxy is of kind 'relu' or 'clip', not {kind!r}")
    twin = copy.deepcopy(model).eval()

    def activation() -> nn.Module:
        return nn.ReLU() if kind == "relu" else QCFS(levels=levels, threshold=1)

    if not replaced(twin, LIF, lambda neurons: Rate(neurons, activation())):
        raise ValueError(f"{type(model).__name__} has no spiking layers that a proxy could do without")
    for encoder in ENCODERS.values():
        replaced(twin, encoder, lambda _: Direct(steps=1))
    replaced(twin, FirstSpike, _currents)
    if isinstance(twin, Converted):
        twin.window = slice(0, 1)
    return twin.requires_grad_(False)


def replaced(model: nn.Module, kind: type[nn.Module], by: Callable[..., nn.Module]) -> int:
    """Put ``by(module)`` in place of each ``module`` of ``kind``, in place. Returns how many there were."""
    count = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kind):
                setattr(parent, name, by(child))
                count += 1
    return count


def _currents(readout: FirstSpike) -> MeanLogits:
    """A read-out of currents with the weights of one by first spikes."""
    linear = readout.linear
    with torch.device(linear.weight.device):
        mean_logits = MeanLogits(linear.in_features, linear.out_features)
    mean_logits.linear = linear
    return mean_logits
