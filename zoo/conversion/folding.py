"""Folding thresholds into weights, layer by layer, through any body that is built of the shared blocks.

``scale`` is what one unit of the present signal stands for in the source: 1 for the image, the threshold behind an
activation. Weights that see the signal are multiplied by it; what feeds an activation is divided by its threshold.
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

    Returns the scale of the last signal, and the weighted layer whose output no activation has seen yet.
    """
    waiting: Weighted | None = None
    for layer, own in zip(twin, source, strict=True):
        if isinstance(own, QCFS):
            _divide_(waiting, own)
            scale, waiting = float(own.threshold), None
        elif isinstance(own, Block):
            scale = _fold_block_(cast(Block, layer), own, scale)
        elif isinstance(own, Weighted):
            waiting = cast(Weighted, layer)
            _matrix(waiting).weight.mul_(scale)
            scale = 1.0
    return scale, waiting


def _fold_block_(twin: Block, source: Block, scale: float) -> float:
    main, shortcut, _ = parts_of(twin)
    own_main, _, own = parts_of(source)
    after = cast(QCFS, own)
    _, waiting = fold_(main, own_main, scale)
    _divide_(waiting, after)
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
