"""Average pooling whose backward needs one pass.

torch fills the gradient of the input with zeros and then adds to it. Where windows do not overlap, each value can
simply be copied to its window. After neurons, the pooling is part of their kernel (see
:class:`~zoo.spiking.network.TimeSequential`).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def spread(grad: Tensor, size: int) -> Tensor:
    """Each value of ``grad`` ``(N, C, h, w)``, shared out among its window: ``(N, C, h size, w size)``, channels-last."""
    n, c, h, w = grad.shape
    share = (grad / size**2).permute(0, 2, 3, 1)
    over = share[:, :, None, :, None].expand(n, h, size, w, size, c)
    return over.reshape(n, h * size, w * size, c).permute(0, 3, 1, 2)


class _Means(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int) -> Tensor:
        ctx.size = size
        return F.avg_pool2d(x, size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return spread(grad, ctx.size), None


class MeanPool(nn.Module):
    """Means over ``size`` x ``size`` windows: ``(N, C, H, W)`` to ``(N, C, H / size, W / size)``.

    Raises ``ValueError`` where the windows do not cover the image.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Means ``(N, C, H / size, W / size)``. Raises ``ValueError`` where the windows do not cover the image."""
        if x.shape[-2] % self.size or x.shape[-1] % self.size:
            raise ValueError(f"windows of {self.size} do not cover {x.shape[-2]} x {x.shape[-1]}")
        pooled: Tensor = _Means.apply(x, self.size)  # type: ignore[no-untyped-call]
        return pooled
