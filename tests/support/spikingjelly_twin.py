"""The compact network as a user of SpikingJelly would write it, with the same weights.

An independent implementation to test against, and the baseline of the speed comparison.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

from attacks.gradients.bptt import ThroughTime
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.architectures.blocks import ConvNorm
from zoo.architectures.compact import Compact
from zoo.spiking.encoders import Direct
from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool


def surrogate_in_spikingjelly(ours: Surrogate, threshold: float = 1.0) -> nn.Module:
    """The same slope in SpikingJelly, whose argument is ``u - th`` and whose sharpness is ``alpha``."""
    width = (SURROGATES[ours.name][1] if ours.width is None else ours.width) * threshold
    families = {
        "triangle": lambda: surrogate.PiecewiseQuadratic(alpha=1 / width),
        "rectangle": lambda: surrogate.Rect(alpha=1 / width),
        "atan": lambda: surrogate.ATan(alpha=1 / width),
        "sigmoid": lambda: surrogate.Sigmoid(alpha=1 / width),
        "gaussian": lambda: surrogate.Erf(alpha=1 / (math.sqrt(2) * width)),
    }
    if ours.name not in families:
        raise ValueError(f"SpikingJelly has no {ours.name!r} of the same scale")
    return cast(nn.Module, families[ours.name]())


def neuron_in_spikingjelly(ours: LIF) -> nn.Module:
    """The same neurons, multi-step. SpikingJelly starts at a potential of 0 and has no input scale."""
    dynamics, gradient = ours.dynamics, cast(ThroughTime, ours.own_gradient)
    if dynamics.start or ours.input_scale is not None:
        raise ValueError("SpikingJelly has neither a starting potential nor an input scale")
    shared = {
        "v_threshold": dynamics.threshold,
        "v_reset": 0.0 if dynamics.reset == "hard" else None,
        "surrogate_function": surrogate_in_spikingjelly(gradient.surrogate, dynamics.threshold),
        "detach_reset": not gradient.attached,
        "step_mode": "m",
    }
    if dynamics.decay == 1:
        return cast(nn.Module, neuron.IFNode(**shared))
    return cast(nn.Module, neuron.LIFNode(tau=1 / (1 - dynamics.decay), decay_input=False, **shared))


class Twin(nn.Module):
    """See :func:`compact_in_spikingjelly`."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Compact, *, first_conv_once: bool) -> None:
        super().__init__()
        self.steps = model.encoder.steps
        self.register_buffer("mean", model.normalise.mean.clone())
        self.register_buffer("std", model.normalise.std.clone())
        layers: list[nn.Module] = []
        for ours in model.body:
            layers += _layers(ours)
        stem = 2 if first_conv_once else 0
        self.once = nn.Sequential(*layers[:stem])
        self.over_time = nn.Sequential(
            *layers[stem:], layer.Flatten(), layer.Linear(*reversed(model.readout.linear.weight.shape))
        )
        self.to(model.normalise.mean.dtype)
        theirs, same = [*self.once.parameters(), *self.over_time.parameters()], list(model.parameters())
        with torch.no_grad():
            for target, source in zip(theirs, same, strict=True):
                target.copy_(source).requires_grad_(source.requires_grad)
            for held, given in zip(_statistics(self), _statistics(model), strict=True):
                held.copy_(given)
        functional.set_step_mode(self.once, "s")
        functional.set_step_mode(self.over_time, "m")

    def forward(self, x: Tensor) -> Tensor:
        x = self.once((x - self.mean) / self.std)
        logits: Tensor = self.over_time(x.unsqueeze(0).repeat(self.steps, 1, 1, 1, 1)).mean(0)
        functional.reset_net(self)
        return logits


def compact_in_spikingjelly(model: nn.Module, *, first_conv_once: bool = False) -> nn.Module:
    """A :class:`Compact` SNN with direct encoding rebuilt in SpikingJelly, ready to be attacked.

    Images in [0, 1] to logits, in the dtype of ``model``; parameters frozen where the model's are. BatchNorm
    is in eval mode, neurons in train mode. ``train()`` makes it ready to be trained.
    first_conv_once: normalise, convolve and BatchNorm once and repeat the result T times, as SpikingJelly's
        own examples do; otherwise the image is repeated.
    """
    if not isinstance(model, Compact) or not isinstance(model.encoder, Direct):
        raise ValueError("only the compact network with direct encoding has a twin")
    twin = Twin(model, first_conv_once=first_conv_once).eval()
    for module in twin.modules():
        if isinstance(module, neuron.BaseNode):
            module.train()
    return twin


def _layers(ours: nn.Module) -> list[nn.Module]:
    if isinstance(ours, ConvNorm):
        convolution, norm = cast(nn.Conv2d, ours[0]), cast(nn.BatchNorm2d, ours[1])
        return [
            layer.Conv2d(
                convolution.in_channels,
                convolution.out_channels,
                convolution.kernel_size,
                stride=convolution.stride,
                padding=convolution.padding,
                bias=False,
            ),
            layer.BatchNorm2d(norm.num_features, eps=norm.eps),
        ]
    if isinstance(ours, LIF):
        return [neuron_in_spikingjelly(ours)]
    if isinstance(ours, MeanPool):
        return [layer.AvgPool2d(ours.size)]
    raise ValueError(f"no twin of {type(ours).__name__}")


def _statistics(net: nn.Module) -> list[Tensor]:
    """Buffers of all BatchNorm layers, in order."""
    return [buffer for module in net.modules() if isinstance(module, nn.BatchNorm2d) for buffer in module.buffers()]
