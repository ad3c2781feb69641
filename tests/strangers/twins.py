"""The networks of this suite that the strangers are twins of.

Convolution, neurons, pooling, twice, and a linear read-out averaged over time; images ``(N, 3, 32, 32)`` in [0, 1] to logits
``(N, 10)``. What differs between kinds is the neuron.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from support.strangers import Triangle
from torch import Tensor, nn

from strangers.weights import STEPS, weights_of
from zoo.conversion.convert import NEURON
from zoo.conversion.srp import ResidualMembrane
from zoo.spiking.filters import leaky_sum
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool
from zoo.spiking.readouts import MeanLogits
from zoo.spiking.signals import repeated

THRESHOLD = Triangle.threshold
DECAY = 0.5
"""Of the kinds ``lif``, ``residual`` and ``delayed``."""
DECAYS = (0.6, 0.35)
"""Of the two layers of ``plif``."""
ALPHA, BETA = 0.5, 0.8
"""Of the current and of the potential of ``synaptic``."""

Convolution = Callable[[int, int, int, int], nn.Module]
"""Channels in and out, kernel and stride to a layer."""


def plain_convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    """With a bias: what a trained convolution with BatchNorm becomes."""
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)


class Synaptic(TimeSequential):
    """A current that decays, into neurons without a threshold of their own current: ``i[t] = alpha i[t-1] + x[t]``."""

    def __init__(self) -> None:
        super().__init__(LIF(decay=BETA))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(leaky_sum(x, ALPHA))


class Residual(TimeSequential):
    """Spikes added to spikes: ``neurons(convolution(s)) + s`` (Fang et al., NeurIPS 2021)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x


class Delayed(TimeSequential):
    """Neurons that subtract the threshold one step later, by formula, as no layer of this suite does it:

    ``u[t] = decay u[t-1] + x[t] - threshold s[t-1]``, ``s[t] = 1[u[t] >= threshold]``, no gradient through the reset.
    """

    def forward(self, x: Tensor) -> Tensor:
        u, spikes, out = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
        for current in x:
            u = DECAY * u + current - THRESHOLD * spikes.detach()
            spikes = Triangle.apply(u)
            out.append(spikes)
        return torch.stack(out)


class Native(nn.Module):
    """See the module. steps: those that count come last. residual: the second convolution is one of a residual block."""

    def __init__(
        self,
        neurons: tuple[nn.Module, nn.Module],
        *,
        convolution: Convolution = plain_convolution,
        steps: int = STEPS,
        residual: bool = False,
    ) -> None:
        super().__init__()
        width, following = (16, 16) if residual else (12, 24)
        second = [convolution(width, following, 3, 1), neurons[1]]
        self.steps = steps
        self.body = TimeSequential(
            convolution(3, width, 5, 2),
            neurons[0],
            MeanPool(2),
            *([Residual(*second)] if residual else second),
            MeanPool(2),
        )
        self.readout = MeanLogits(following * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.readout(self.body(repeated(x, self.steps))[-STEPS:])
        return logits


def lifs(*decays: float, **settings: Any) -> Callable[[], tuple[nn.Module, nn.Module]]:
    """Two layers of LIF neurons."""
    first, second = decays if len(decays) == 2 else (decays[0], decays[0])
    return lambda: (LIF(decay=first, **settings), LIF(decay=second, **settings))


KINDS: dict[str, Callable[[], tuple[nn.Module, nn.Module]]] = {
    "lif": lifs(DECAY, threshold=THRESHOLD),
    "if": lifs(1.0, reset="soft"),
    "plif": lifs(*DECAYS),
    "synaptic": lambda: (Synaptic(), Synaptic()),
    "residual": lifs(DECAY),
    "delayed": lambda: (Delayed(), Delayed()),
    "qcfs": lambda: (LIF(**NEURON), LIF(**NEURON)),
    "srp": lambda: (ResidualMembrane(tau=STEPS, **NEURON), ResidualMembrane(tau=STEPS, **NEURON)),
}
"""What the two layers of neurons are."""

STORED = {"srp": "qcfs"}
"""Kinds that have the weights of another one."""


def native(kind: str) -> nn.Module:
    """The trained network of this suite, in eval mode and frozen."""
    steps = 2 * STEPS if kind == "srp" else STEPS
    model = Native(KINDS[kind](), steps=steps, residual=kind == "residual")
    weights = weights_of(STORED.get(kind, kind))
    model.load_state_dict({target: weights[name] for name, target in places(model).items()})
    return model.eval().requires_grad_(False)


def places(model: nn.Module) -> dict[str, str]:
    """Names of the weights in the file to their names in a :class:`Native`."""
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    pairs = zip(("stem", "second", "readout"), layers, strict=True)
    return {f"{name}.{end}": f"{layer}.{end}" for name, layer in pairs for end in ("weight", "bias")}
