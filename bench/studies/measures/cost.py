"""Spikes, synaptic operations and multiply-accumulates of a network, counted while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.data.base import Samples
from bench.studies.measures.sheet import Cost
from zoo.spiking.encoders import Direct, Poisson
from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool
from zoo.spiking.readouts import MeanLogits
from zoo.spiking.timing import TimeCode

MAC_PJ, AC_PJ = 4.6, 0.9
BATCH = 100


@dataclass
class _Counts:
    """Sums over images.

    batch: images in the present forward. factor: spikes per unit of the next layer's input, after pooling.
    """

    images: int = 0
    batch: int = 0
    macs_ann: float = 0.0
    macs: float = 0.0
    synaptic: float = 0.0
    spikes: dict[str, float] = field(default_factory=dict)
    slots: dict[str, float] = field(default_factory=dict)
    factor: float = 1.0
    coded: Tensor | None = None
    analog: bool = True


def reach(layer: nn.Conv2d | nn.Linear, height: int = 1, width: int = 1) -> Tensor:
    """Number of weights that each input unit feeds: ``(1, 1, H, W)`` of a convolution (per input channel), else a scalar."""
    if isinstance(layer, nn.Linear):
        return torch.tensor(float(layer.out_features))
    ones = torch.ones(1, 1, height, width)
    kernel = torch.ones(1, 1, *layer.kernel_size)
    shape: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    outputs = F.conv2d(ones, kernel, **shape)
    fed = torch.autograd.functional.vjp(lambda x: F.conv2d(x, kernel, **shape), ones, torch.ones_like(outputs))[1]
    weights: Tensor = fed * (layer.out_channels // layer.groups)
    return weights


def operations(layer: nn.Conv2d | nn.Linear, x: Tensor) -> float:
    """Weights that the units of ``x`` ``(m, C, H, W)`` or ``(m, F)`` feed, each times its value (1 for a spike)."""
    if isinstance(layer, nn.Linear):
        return float(x.double().sum()) * layer.out_features
    fed = reach(layer, *x.shape[2:]).to(x.device, torch.float64)
    return float((x.double() * fed).sum())


@torch.no_grad()
def cost_of(
    model: nn.Module, samples: Samples, *, device: str = "cpu", on_images: Callable[[int], None] = lambda count: None
) -> Cost:
    """Mean operations per image. Spikes are counted before an average pools them.

    on_images: called with a number of images after so many more were counted.
    """
    counts = _Counts()
    spiking = any(isinstance(module, LIF) for module in model.modules())
    with ExitStack() as stack:
        _watch(model, counts, stack, spiking=spiking)
        for start in range(0, len(samples), BATCH):
            part = samples[start : start + BATCH]
            counts.images, counts.batch = counts.images + len(part), len(part)
            counts.factor = 1.0
            with drawing(KeyedRng.of(0, part.ids.to(device)).fold("cost")):
                model(part.images.to(device))
            on_images(len(part))
    n = counts.images
    macs, synaptic, macs_ann = counts.macs / n, counts.synaptic / n, counts.macs_ann / n
    slots = sum(counts.slots.values())
    return Cost(
        n=n,
        macs_ann=macs_ann,
        macs=macs,
        synaptic=round(synaptic, 1),
        energy_ann_nj=round(macs_ann * MAC_PJ / 1000, 3),
        energy_nj=round((macs * MAC_PJ + synaptic * AC_PJ) / 1000, 3),
        rate=round(sum(counts.spikes.values()) / slots, 5) if slots else None,
        rates=[round(counts.spikes[name] / counts.slots[name], 5) for name in counts.spikes],
    )


def _watch(model: nn.Module, counts: _Counts, stack: ExitStack, *, spiking: bool) -> None:
    """Add hooks that count, in the order in which layers run; ``stack`` removes them."""
    readouts = [module for module in model.modules() if isinstance(module, MeanLogits | FirstSpike)]
    readout_parts = {id(part) for readout in readouts for part in readout.modules()}

    def neurons(name: str) -> Any:
        def count(module: nn.Module, inputs: tuple[Tensor, ...], spikes: Tensor) -> None:
            counts.spikes[name] = counts.spikes.get(name, 0.0) + float(spikes.double().sum())
            counts.slots[name] = counts.slots.get(name, 0.0) + spikes.numel()
            counts.analog, counts.factor = False, 1.0

        return count

    def encoded(module: nn.Module, inputs: tuple[Tensor, ...], signal: Tensor) -> None:
        counts.analog = isinstance(module, Direct)
        counts.coded = None if counts.analog else signal.flatten(0, 1)

    def pooled(module: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        counts.factor *= inputs[0].shape[2] * inputs[0].shape[3] / (outputs.shape[2] * outputs.shape[3])

    def weighted(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        layer, x = cast(nn.Conv2d, module), inputs[0]
        dense = operations(layer, torch.ones_like(x[:1]))
        counts.macs_ann += dense * counts.batch
        if counts.analog or not spiking:
            counts.macs += dense * counts.batch
        else:
            counts.synaptic += operations(layer, x if counts.coded is None else counts.coded) * counts.factor
        counts.coded, counts.factor = None, 1.0

    def read_out(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        linear = cast(nn.Linear, module.linear)
        dense = linear.in_features * linear.out_features
        counts.macs_ann += dense * counts.batch
        if spiking:
            counts.synaptic += operations(linear, inputs[0].flatten(0, 1).flatten(1)) * counts.factor
        else:
            counts.macs += dense * counts.batch

    for name, module in model.named_modules():
        if isinstance(module, LIF):
            stack.callback(module.register_forward_hook(neurons(name)).remove)
        elif isinstance(module, Direct | Poisson | TimeCode):
            stack.callback(module.register_forward_hook(encoded).remove)
        elif isinstance(module, nn.AvgPool2d | nn.AdaptiveAvgPool2d | MeanPool):
            stack.callback(module.register_forward_hook(pooled).remove)
        elif isinstance(module, nn.Conv2d | nn.Linear) and id(module) not in readout_parts:
            stack.callback(module.register_forward_pre_hook(weighted).remove)
    for readout in readouts:
        stack.callback(readout.register_forward_pre_hook(read_out).remove)
