"""Untrained networks that behave like trained ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.readouts import MeanLogits

QUIET, LOUD = 0.3, 3.0
"""Standard deviations of a layer's outputs: below the one it is raised to the other, some thresholds high."""


def settled(model: nn.Module, images: Tensor) -> nn.Module:
    """``model`` in eval mode, its BatchNorm statistics those of ``images``, its quiet linear layers made louder.

    With the statistics of a fresh network the spikes die out on the way and all logits are equal; so they do in hidden
    linear layers, which have no BatchNorm.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    readouts = [module for module in model.modules() if isinstance(module, MeanLogits | FirstSpike)]
    last = {id(part) for readout in readouts for part in readout.modules()}
    hidden = [module for module in model.modules() if isinstance(module, nn.Linear) and id(module) not in last]
    hooks = [layer.register_forward_hook(_louder) for layer in hidden]
    with torch.no_grad():
        model.train()(images)
    for hook in hooks:
        hook.remove()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model.eval()


def _louder(layer: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor:
    spread = float(outputs.std())
    if not 0 < spread < QUIET:
        return outputs
    for parameter in layer.parameters():
        parameter.mul_(LOUD / spread)
    return outputs * (LOUD / spread)
