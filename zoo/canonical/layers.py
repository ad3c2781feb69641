"""Convolutions and linear layers whose sums have a fixed order (see :mod:`zoo.canonical.kernels`)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attacks.gradients.compiled import in_parallel
from zoo.canonical.emitter import LANES
from zoo.canonical.input_gradient import InputGradient
from zoo.canonical.kernels import convolve

DENSE = 0.55
"""Share of inputs that are not 0 from which on it is faster to multiply zeros than to list the others."""


def _filled(x: Tensor) -> Tensor:
    """``x`` ``(..., outputs)`` with zeros up to a multiple of :data:`LANES` outputs."""
    return F.pad(x, (0, -x.shape[-1] % LANES)).contiguous()


class CanonicalConv(nn.Module):
    """The function of a convolution on float32 images ``(N, C, H, W)`` of a CPU, for inference.

    Each output is the bias plus the products of its window, added one after the other: line by line, in a line pixel by
    pixel, in a pixel channel by channel. Its bits do not depend on the batch, the threads or the processor. The gradient
    of the input is made for proposals (see :mod:`zoo.canonical.input_gradient`); parameters get none.

    weight: ``(outputs, C, kernel, kernel)``. bias: ``(outputs,)``.
    """

    packed: Tensor
    filled_bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int, padding: int) -> None:
        super().__init__()
        self.outputs, self.stride, self.padding = weight.shape[0], stride, padding
        self.input_gradient = InputGradient(weight.detach(), stride=stride, padding=padding)
        self.register_buffer("packed", _filled(weight.detach().permute(2, 3, 1, 0)))
        self.register_buffer("filled_bias", _filled(bias.detach()))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(N, outputs, H', W')`` in channels-last order.

        Raises ``TypeError`` for any but float32, ``RuntimeError`` (as torch) for shapes that its weights do not fit.
        """
        if x.dtype != torch.float32:
            raise TypeError(f"a canonical layer takes float32, not {x.dtype}")
        kernel, channels = self.packed.shape[0], self.packed.shape[2]
        if x.dim() != 4 or x.shape[1] != channels or min(x.shape[2:]) + 2 * self.padding < kernel:
            least = kernel - 2 * self.padding
            raise RuntimeError(f"expected inputs (N, {channels}, H, W), at least {least} wide, not {tuple(x.shape)}")
        out: Tensor = _Convolution.apply(x, self)  # type: ignore[no-untyped-call]
        return out

    def summed(self, x: Tensor) -> Tensor:
        """The outputs ``(N, outputs, H', W')``, outside of any graph."""
        images = x.detach().permute(0, 2, 3, 1).contiguous()
        kernel = self.packed.shape[0]
        tall, wide = ((size + 2 * self.padding - kernel) // self.stride + 1 for size in images.shape[1:3])
        out = torch.empty(len(images), tall, wide, self.packed.shape[3])
        arrays = (array.numpy() for array in (images, self.packed, self.filled_bias, out))
        in_parallel(convolve, len(images), *arrays, self.stride, self.padding, DENSE, least=1)
        return out[..., : self.outputs].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: CanonicalConv) -> Tensor:
        ctx.layer, ctx.size = layer, x.shape[2:]
        return layer.summed(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.layer.input_gradient(grad, *ctx.size), None


class CanonicalLinear(nn.Module):
    """The function of a linear layer on ``(N, features)``: features are added one after the other, from the bias on.

    weight: ``(outputs, features)``. bias: ``(outputs,)``.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.as_convolution = CanonicalConv(weight[:, :, None, None], bias, stride=1, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(N, outputs)``. Raises ``RuntimeError`` for another number of features."""
        if x.dim() != 2:
            raise RuntimeError(f"expected inputs (N, features), not {tuple(x.shape)}")
        out: Tensor = self.as_convolution(x[:, :, None, None]).flatten(1)
        return out


class CanonicalMean(nn.Module):
    """Means over the whole image: ``(N, C, H, W)`` to ``(N, C, 1, 1)``, pixels added line by line."""

    def forward(self, x: Tensor) -> Tensor:
        """Means ``(N, C, 1, 1)``."""
        pixels = x.flatten(2).unbind(2)
        total = pixels[0]
        for pixel in pixels[1:]:
            total = total + pixel
        return (total / len(pixels))[..., None, None]
