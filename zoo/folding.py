"""BatchNorm folded into the convolution before it: the same function with fewer operations.

    w' = w g / sqrt(var + e),   b' = b - mean g / sqrt(var + e)

for BatchNorm's scale g, shift b and running statistics. The arithmetic rounds differently, and one ulp can flip a spike,
so a folded network may propose adversarial images but never decides a verdict.

Measured on the compact network (one thread, T = 4, batch 64): an input gradient takes 73 ms, against 83 ms unfolded.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoo.architectures.blocks import ConvNorm


def folded(model: nn.Module) -> nn.Module:
    """A frozen copy of ``model`` in which every :class:`~zoo.architectures.blocks.ConvNorm` is one convolution.

    The model itself if it has none, or if it is in train mode, where BatchNorm depends on the batch.
    """
    if model.training or not any(isinstance(module, ConvNorm) for module in model.modules()):
        return model
    twin = copy.deepcopy(model).requires_grad_(False)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, ConvNorm):
                setattr(parent, name, _fused(child))
    return twin


def _fused(block: ConvNorm) -> nn.Module:
    convolution, norm = block[0], block[1]
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise TypeError(f"a ConvNorm holds a convolution and a BatchNorm, not {block}")
    fused: nn.Module = fuse_conv_bn_eval(convolution, norm)
    return fused.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
