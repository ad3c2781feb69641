"""Folding thresholds into weights, layer by layer, through any body that is built of the shared blocks.

``scale`` is the value in the source that one unit of the present signal stands for: 1 for the image, the threshold after
an activation. Weights that receive the signal are multiplied by it; weights that feed an activation are divided by its
threshold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from zoo.architectures.blocks import ConvNorm
from zoo.architectures.residual import Block, Shortcut, parts_of
from zoo.conversion.qcfs import QCFS

Weighted = ConvNorm | nn.Linear


@torch.no_grad()
def fold_(twin: Iterable[nn.Module], source: Iterable[nn.Module], scale: float = 1.0) -> tuple[float, Weighted | None]:
    """Fold the thresholds of ``source`` into ``twin``, which has its weights, in place.

    Returns the scale of the last signal, and the last weighted layer if no activation follows it.
    Raises ``ValueError`` if an activation follows no weights.
    """
    pending: Weighted | None = None
    for layer, source_layer in zip(twin, source, strict=True):
        if isinstance(source_layer, QCFS):
            _divide_(pending, source_layer)
            scale, pending = float(source_layer.threshold), None
        elif isinstance(source_layer, Block):
            scale = _fold_block_(cast(Block, layer), source_layer, scale)
        elif isinstance(source_layer, Weighted):
            pending = cast(Weighted, layer)
            _matrix(pending).weight.mul_(scale)
            scale = 1.0
    return scale, pending


def _fold_block_(twin: Block, source: Block, scale: float) -> float:
    main, shortcut, _ = parts_of(twin)
    source_main, _, source_after = parts_of(source)
    after = cast(QCFS, source_after)
    _, pending = fold_(main, source_main, scale)
    _divide_(pending, after)
    if isinstance(shortcut, Shortcut):
        shortcut.scale.mul_(scale / float(after.threshold))
    else:
        _matrix(cast(ConvNorm, shortcut)).weight.mul_(scale)
        _divide_(cast(ConvNorm, shortcut), after)
    return float(after.threshold)


def _matrix(layer: Weighted) -> nn.Conv2d | nn.Linear:
    return cast(nn.Conv2d, layer[0]) if isinstance(layer, ConvNorm) else layer


def _divide_(layer: Weighted | None, activation: QCFS) -> None:
    if layer is None:
        raise ValueError("an activation of the source follows no weights that could take its threshold")
    last = cast(nn.BatchNorm2d, layer[1]) if isinstance(layer, ConvNorm) else layer
    threshold = float(activation.threshold)
    last.weight.div_(threshold)
    last.bias.div_(threshold)
