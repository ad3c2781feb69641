"""A network of our own layers as one whose answers have the same bits on every machine.

Convolutions, with the BatchNorm after them folded in, linear layers, means over space and the frequency encoding become the
layers of :mod:`zoo.canonical.layers` and :mod:`zoo.canonical.frequency`. The other layers that are named here round each
value by itself and in one way only: neurons, encoders, pooling, staircases, ReLU, filters of events, which count in whole
numbers, the pixels of a spike camera and pictures of their spikes (but for TFSTP, which takes logarithms). A network with
any other layer, on another device or in another precision, has no canonical form.
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.compiled import usable
from zoo.architectures.blocks import ConvNorm, Normalise
from zoo.architectures.compact import Compact
from zoo.architectures.event_frames import EventFrames
from zoo.architectures.event_network import EventNetwork
from zoo.architectures.residual import Block, Shortcut
from zoo.architectures.timed import Timed
from zoo.cameras.networks import OnSpikePlanes, Reconstructor, ThroughPictures, ThroughSpikes
from zoo.cameras.pixels import Pixels
from zoo.cameras.reconstruction import TFI, TFP
from zoo.cameras.spike_camera import SpikeCamera
from zoo.canonical.frequency import CanonicalFrequency
from zoo.canonical.layers import CanonicalConv, CanonicalLinear, CanonicalMean
from zoo.conversion.convert import Converted
from zoo.conversion.cos import OffsetSpikes
from zoo.conversion.nq import NoisyQCFS, NoisySource
from zoo.conversion.qcfs import QCFS, Source
from zoo.conversion.srp import ResidualMembrane
from zoo.spiking.encoders import Direct, Poisson
from zoo.spiking.event_filters import BackgroundActivityFilter, QuantisedFilter
from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.frequency import Frequency
from zoo.spiking.gated import GatedLIF
from zoo.spiking.homeostatic import HomeostaticLIF
from zoo.spiking.leaking import LeakingLIF
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.noisy import NoisyLIF
from zoo.spiking.pooling import MeanPool
from zoo.spiking.readouts import MeanLogits
from zoo.spiking.timing import FrontLoaded, Latency

NETWORKS = (
    *(Compact, EventNetwork, EventFrames, Timed, Source, NoisySource, Converted),
    *(TimeSequential, Block, MeanLogits, FirstSpike, nn.Sequential),
    *(SpikeCamera, Reconstructor, ThroughPictures, ThroughSpikes, OnSpikePlanes),
)
"""What holds layers, and joins them by sums of two values and sums of spikes, which have one result."""
ELEMENTWISE = (
    *(LIF, LeakingLIF, HomeostaticLIF, NoisyLIF, GatedLIF, OffsetSpikes, ResidualMembrane),
    *(Direct, Poisson, Latency, FrontLoaded, Normalise),
    *(BackgroundActivityFilter, QuantisedFilter),
    *(QCFS, NoisyQCFS, nn.ReLU, nn.Identity, nn.Flatten, Shortcut),
    *(MeanPool, nn.AvgPool2d),
    *(Pixels, TFP, TFI),
)
"""Layers that round each value in one way only, in eval mode."""


class Canonical(nn.Module):
    """A network all of whose sums have a fixed order, made by :func:`canonical`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(N, ...)`` of float32 images ``(N, C, H, W)``, the same bits for any N."""
        outputs: Tensor = self.network(x)
        return outputs


def canonical(model: nn.Module) -> Canonical | None:
    """A frozen copy of ``model`` with sums in a fixed order; None if the model has no such form, or is in train mode.

    It computes the same function, rounded otherwise: outputs agree to about 1e-5 where no neuron is at its threshold.
    """
    values = chain(model.parameters(), model.buffers())
    plain = all(value.dtype == torch.float32 and usable(value) for value in values if value.is_floating_point())
    if model.training or not plain or not _known(model):
        return None
    twin = copy.deepcopy(model).requires_grad_(False)
    _replace_layers(twin)
    return Canonical(twin).eval()


def _known(module: nn.Module) -> bool:
    """Whether every layer has a canonical form, hooks excluded: nobody knows what they compute."""
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    if _summing(module) or type(module) in ELEMENTWISE:
        return True
    return type(module) in NETWORKS and all(_known(child) for child in module.children())


def _summing(module: nn.Module) -> bool:
    """Whether the module is one of those that :func:`_replacement` replaces."""
    if isinstance(module, ConvNorm):
        return _summing(module[0]) and type(module[1]) is nn.BatchNorm2d and module[1].affine
    if isinstance(module, nn.Conv2d):
        square = all(len(set(sizes)) == 1 for sizes in (module.kernel_size, module.stride, module.padding))
        whole = module.groups == 1 and set(module.dilation) == {1}
        return square and whole and not isinstance(module.padding, str) and module.padding_mode == "zeros"
    return type(module) in (nn.Linear, Frequency) or (
        isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1))
    )


def _replace_layers(module: nn.Module) -> None:
    for name, child in module.named_children():
        if _summing(child):
            setattr(module, name, _replacement(child))
        else:
            _replace_layers(child)


def _replacement(layer: nn.Module) -> nn.Module:
    if isinstance(layer, ConvNorm):
        return _convolution(*layer)
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, None)
    if isinstance(layer, nn.Linear):
        return CanonicalLinear(layer.weight, _bias(layer))
    if isinstance(layer, Frequency):
        return CanonicalFrequency(steps=layer.steps)
    return CanonicalMean()


def _bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """The bias, ``(outputs,)``: zeros if there is none."""
    return torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias.detach()


def _convolution(convolution: Any, norm: Any) -> CanonicalConv:
    """The convolution with the BatchNorm after it, if any, whose factors are computed in float64 and rounded once."""
    weight, bias = convolution.weight.detach().double(), _bias(convolution).double()
    if norm is not None:
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * scale[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * scale + norm.bias.detach().double()
    stride, padding = int(convolution.stride[0]), int(convolution.padding[0])
    return CanonicalConv(weight.float(), bias.float(), stride=stride, padding=padding)
