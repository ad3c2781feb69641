"""Thresholds for the neurons that replace ReLU, from the currents that reach them.

Layer by layer: with the thresholds of the layers before it in place, the threshold of a layer is a high percentile of its
input current, the largest over a few batches (Özdenizci and Legenstein, TMLR 2024, arXiv 2311.09266). Neurons of the zoo
have one threshold, so a layer's is folded into what feeds it: scale and shift of its BatchNorm, or weight and bias of its
linear layer, are divided by it. Training these is training the threshold. Behind a sum of two branches, both are divided;
a shortcut without weights has a scale for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm
from zoo.architectures.residual import Block, Shortcut, parts_of
from zoo.spiking.encoders import Direct
from zoo.spiking.membrane import currents
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.signals import constant_in_time, the_step


@torch.no_grad()
def calibrate_(model: nn.Module, batches: Sequence[Tensor], *, steps: int, percentile: float, share: float) -> list[float]:
    """Give ``model`` thresholds, in place, and return them, first layer first.

    model: on weights of a network without spikes, of plain layers (``compact``, ``vgg``) or residual blocks (``resnet18``,
    ``resnet20``), under direct encoding.
    batches: images ``(n, C, H, W)`` in [0, 1]. steps: T while currents are recorded.
    percentile: in (0, 100]. share: factor on all thresholds at the end; fewer steps need lower thresholds.
    BatchNorm uses the statistics of each batch during calibration, and the mean statistics of ``batches`` afterwards.
    Raises ``TypeError`` for another body, ``ValueError`` if a threshold is not positive, because the layer would never fire.
    """
    pairs, encoder = fed(model), cast(Direct, model.encoder)
    own, was_training = encoder.steps, model.training
    model.train()
    encoder.steps = steps
    layer_thresholds = []
    for feeding, neurons in pairs:
        threshold = max(_percentile(_current(model, neurons, x), percentile) for x in batches)
        if not threshold > 0:
            raise ValueError(f"a layer of neurons whose current has its percentile {percentile} at {threshold} never fires")
        _divide_(feeding, threshold)
        layer_thresholds.append(threshold)
    for feeding, _ in pairs:
        _divide_(feeding, share)
    encoder.steps = own
    _settle_(model, batches)
    model.train(was_training)
    return [share * threshold for threshold in layer_thresholds]


Feeding = tuple[nn.Module, ...]
"""The layers whose sum is the current of a layer of neurons."""


def fed(model: nn.Module) -> list[tuple[Feeding, LIF]]:
    """For each layer of neurons, in the order in which signals reach it: the layers that feed it, and itself.

    Raises ``TypeError`` for another kind of model.
    """
    body, encoder = getattr(model, "body", None), getattr(model, "encoder", None)
    if not isinstance(encoder, Direct):
        raise TypeError(f"a {type(model).__name__} without direct encoding has no currents of the source")
    pairs = _pairs(body) if isinstance(body, TimeSequential) else []
    neurons = [module for module in model.modules() if isinstance(module, LIF)]
    weighted = all(isinstance(layer, ConvNorm | nn.Linear | Shortcut) for feeding, _ in pairs for layer in feeding)
    if not pairs or [layer for _, layer in pairs] != neurons or not weighted:
        raise TypeError(f"the body of a {type(model).__name__} is no sequence of weights and neurons, or of residual blocks")
    return pairs


def _pairs(sequence: TimeSequential) -> list[tuple[Feeding, LIF]]:
    pairs: list[tuple[Feeding, LIF]] = []
    layers = list(sequence)
    for before, layer in zip([None, *layers], layers, strict=False):
        if isinstance(layer, Block):
            main, shortcut, neurons = parts_of(layer)
            pairs += [*_pairs(main), ((main[-1], shortcut), cast(LIF, neurons))]
        elif isinstance(layer, LIF) and before is not None:
            pairs.append(((before,), layer))
    return pairs


def _current(model: nn.Module, neurons: LIF, x: Tensor) -> Tensor:
    """Current ``(T, n, ...)`` of a layer; a single step where all steps are equal."""
    with currents(neurons) as seen:
        model(x)
    return the_step(seen[0]) if constant_in_time(seen[0]) else seen[0]


def _percentile(x: Tensor, q: float) -> float:
    """The element of ``x`` nearest to percentile ``q``; ``torch.quantile`` is limited to 16 million elements."""
    return float(x.flatten().kthvalue(1 + round(q / 100 * (x.numel() - 1))).values)


def _divide_(feeding: Feeding, by: float) -> None:
    for layer in feeding:
        last = layer[1] if isinstance(layer, ConvNorm) else layer
        for value in (last.scale,) if isinstance(last, Shortcut) else last.parameters(recurse=False):
            value.div_(by)


def _settle_(model: nn.Module, batches: Sequence[Tensor]) -> None:
    """Set the statistics of BatchNorm to their mean over ``batches``."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for x in batches:
        model(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
