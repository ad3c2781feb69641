"""Attention blocks of MANIQA: over channels (transposed), and over places in shifted windows (Swin)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TransposedAttention(nn.Module):
    """Attention between channels: tokens are whole channel maps. ``(N, C, P)`` to ``(N, C, P)``, P fixed.

    ``softmax(q k^T / sqrt(P)) v`` plus the input, without norm or output projection (Yang et al., CVPRW 2022, section 3.2).
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(places, places) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Mixed channel maps ``(N, C, P)`` for ``x`` ``(N, C, P)``."""
        mixed = F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        return x + mixed


class WindowAttention(nn.Module):
    """A Swin block (Liu et al., ICCV 2021): attention inside windows with relative position bias, then an MLP.

    Maps ``(N, H, W, C)`` with H and W multiples of ``window``. shift: cyclic shift of the windows; places that the shift
    brings together from opposite edges do not attend to each other.
    """

    bias_index: Tensor
    region: Tensor

    def __init__(self, channels: int, side: int, *, window: int, shift: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.window, self.shift, self.heads = window, shift, heads
        self.before, self.after = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))
        self.bias = nn.Parameter(0.02 * torch.randn((2 * window - 1) ** 2, heads))
        self.register_buffer("bias_index", _relative_positions(window), persistent=False)
        region = self._windows(_regions(side, window, shift)[None, :, :, None])[..., 0]
        self.register_buffer("region", region, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Mixed places ``(N, H, W, C)`` for ``x`` ``(N, H, W, C)``."""
        n, height, width, channels = x.shape
        shifted = self.before(x).roll((-self.shift, -self.shift), (1, 2))
        parts = self.qkv(self._windows(shifted)).unflatten(-1, (3, self.heads, channels // self.heads))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        bias = self.bias[self.bias_index].permute(2, 0, 1)
        apart = self.region[:, None, :, None] != self.region[:, None, None, :]
        mask = bias + torch.zeros_like(apart, dtype=x.dtype).masked_fill(apart, -100.0)
        mask = mask.repeat(n, 1, 1, 1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self.out(mixed.transpose(1, 2).flatten(2))
        back = self._unwindows(mixed, n, height, width).roll((self.shift, self.shift), (1, 2))
        x = x + back
        out: Tensor = x + self.mlp(self.after(x))
        return out

    def _windows(self, x: Tensor) -> Tensor:
        """``(N, H, W, C)`` to ``(N * windows, window * window, C)``."""
        n, height, width, channels = x.shape
        w = self.window
        parts = x.view(n, height // w, w, width // w, w, channels).transpose(2, 3)
        return parts.reshape(-1, w * w, channels)

    def _unwindows(self, x: Tensor, n: int, height: int, width: int) -> Tensor:
        w = self.window
        return x.view(n, height // w, width // w, w, w, -1).transpose(2, 3).reshape(n, height, width, -1)


def _relative_positions(window: int) -> Tensor:
    """Index into the bias table for each pair of places in a window: ``(window**2, window**2)``."""
    place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    offset = place[:, :, None] - place[:, None, :] + window - 1
    return offset[0] * (2 * window - 1) + offset[1]


def _regions(side: int, window: int, shift: int) -> Tensor:
    """``(side, side)``: which part of the shifted map a place comes from; only places of one part may attend."""
    line = torch.zeros(side, dtype=torch.int64)
    if shift:
        line[side - window : side - shift] = 1
        line[side - shift :] = 2
    return 3 * line[:, None] + line[None, :]
