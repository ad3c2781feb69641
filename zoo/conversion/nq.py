"""The residual error of a conversion as noise in its source (Huang et al., 2024, arXiv 2404.17456; IEEE TNNLS 2025).

Training imitates the error that conversion will cause: behind each quantised activation,

    a = QCFS(z) + sigma * n,     n standard normal per unit, sigma one number per layer,

and after each epoch sigma is measured anew, as the standard deviation of the difference between the network and
its spiking twin over T steps,

    sigma^2 = mean over batches of Var(QCFS activation - threshold * spikes / T),

each network fed by its own layers below, so that the error is cumulative. sigma is 0 in the first epoch, and
noise plays no part in eval mode or after conversion.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attacks.randomness import uniform_like
from zoo.conversion.convert import folded_weights, snn_like, thresholds
from zoo.conversion.qcfs import QCFS, Source
from zoo.defenses.plain import Plain
from zoo.spiking.neurons import LIF


class NoisyQCFS(QCFS):
    """QCFS that adds noise in train mode. ``noise`` is sigma, in units of the activation: a buffer, 0 at first.

    layer: a name, so that two layers draw different numbers.
    """

    noise: Tensor

    def __init__(self, *, layer: str = "residual", **quantised: Any) -> None:
        super().__init__(**quantised)
        self.register_buffer("noise", torch.tensor(0.0))
        self.layer = layer

    def forward(self, z: Tensor) -> Tensor:
        """Activations for currents ``z`` of any shape, with noise in train mode."""
        a = super().forward(z)
        if not self.training or not self.noise:
            return a
        return a + (self.noise * normal_like(a, self.layer)).to(a.dtype)


def normal_like(a: Tensor, layer: str) -> Tensor:
    """Standard normal numbers, float32, in the shape of activations ``a`` ``(n, ...)``, for the layer of a name.

    Keyed draws through the inverse distribution function, so that a resumed training sees the same noise. They are float32
    whatever the activations are: in bfloat16 the largest uniform numbers round to 1, and their normal ones are infinite.
    """
    uniform = uniform_like(a.detach().float(), draws=1, layer=layer)[0]
    return torch.erfinv(uniform.mul_(2).sub_(1).clamp_(-1 + 1e-6, 1 - 1e-6)).mul_(2**0.5)


class NoisySource(Source):
    """A :class:`~zoo.conversion.qcfs.Source` whose activations are noisy in train mode."""

    def activation(self, **quantised: Any) -> QCFS:
        """One activation layer with noise, under a name of its own."""
        self._made = getattr(self, "_made", 0) + 1
        return NoisyQCFS(**quantised, layer=f"residual {self._made}")


def ann_nq(**arguments: Any) -> nn.Module:
    """A :class:`NoisySource`, its weights in channels-last order; arguments as of ``ann_qcfs``."""
    model: nn.Module = NoisySource(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@torch.no_grad()
def residual_errors(source: Source, images: Tensor, *, steps: int, batch: int = 100) -> list[float]:
    """sigma of each activation layer over ``images`` ``(n, C, H, W)``, uint8 or floats in [0, 1].

    All batches have the same weight, also a shorter last one. ``source`` is returned to the mode it was in.
    """
    was_training = source.training
    source.eval()
    twin = snn_like(source, steps=steps)
    twin.load_state_dict(folded_weights(source))
    twin.eval()
    layers = [layer for layer in source.body.modules() if isinstance(layer, QCFS)]
    neurons = [layer for layer in twin.modules() if isinstance(layer, LIF)]
    sums = [0.0] * len(layers)
    batches = images.split(batch)
    for part in batches:
        x = part.float().div(255) if part.dtype == torch.uint8 else part
        activations, twin_spikes = outputs_of(source, layers, x), outputs_of(twin, neurons, x)
        for number, (a, spikes, threshold) in enumerate(zip(activations, twin_spikes, thresholds(source), strict=True)):
            sums[number] += float((a[0] - threshold * spikes.mean(0)).var())
    source.train(was_training)
    return [(total / len(batches)) ** 0.5 for total in sums]


def outputs_of(model: nn.Module, layers: Sequence[nn.Module], x: Tensor) -> list[Tensor]:
    """Outputs ``(T, n, ...)`` of ``layers`` of ``model`` for input ``x`` ``(n, C, H, W)``; T = 1 in a source."""
    seen: list[Tensor] = []
    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_hook(lambda module, inputs, output: seen.append(output)).remove)
        model(x)
    return [output if isinstance(layer, LIF) else output[None] for layer, output in zip(layers, seen, strict=True)]


@dataclass(frozen=True, kw_only=True)
class ResidualNoise(Plain):
    """Cross-entropy under the noise of the conversion to come.

    steps: T of the spiking twin that the noise is measured on. images: how many validation images it is measured on;
        no label is used. The paper takes all of its held-out tenth of the training images, augmented.
    """

    steps: int = 4
    images: int = 1000

    def after_epoch(self, model: nn.Module, images: Tensor) -> None:
        """Measure sigma of each layer on ``images`` ``(n, C, H, W)``, uint8.

        Raises ``TypeError`` for a network without noisy activations.
        """
        if not isinstance(model, NoisySource):
            raise TypeError(f"a {type(model).__name__} has no activations that take noise")
        noisy = [layer for layer in model.body.modules() if isinstance(layer, NoisyQCFS)]
        for layer, sigma in zip(noisy, residual_errors(model, images[: self.images], steps=self.steps), strict=True):
            layer.noise.fill_(sigma)
