"""Attention blocks against loops written out."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.quality.attention import TransposedAttention, WindowAttention

SIDE, WINDOW, CHANNELS, HEADS = 8, 4, 6, 2


def block(shift: int) -> WindowAttention:
    torch.manual_seed(0)
    found = WindowAttention(CHANNELS, SIDE, window=WINDOW, shift=shift, heads=HEADS, hidden=8).double()
    with torch.no_grad():
        found.bias.normal_()
    return found


def by_hand(layer: WindowAttention, x: Tensor, shift: int) -> Tensor:
    """One place at a time: it attends to the places of its own window, wherever the shift has put the window's edges."""
    size = CHANNELS // HEADS
    query, key, value = layer.qkv(layer.before(x)).view(SIDE, SIDE, 3, HEADS, size).unbind(2)

    def cell(i: int) -> int:
        return (i - shift) // WINDOW

    mixed = torch.zeros(SIDE, SIDE, HEADS, size, dtype=torch.float64)
    for i in range(SIDE):
        for j in range(SIDE):
            # Windows cut off at the border hold fewer places.
            rows = [a for a in range(SIDE) if cell(a) == cell(i)]
            columns = [b for b in range(SIDE) if cell(b) == cell(j)]
            near = [(a, b) for a in rows for b in columns]
            offsets = torch.tensor([(i - a + WINDOW - 1) * (2 * WINDOW - 1) + j - b + WINDOW - 1 for a, b in near])
            keys, values = (torch.stack([kind[a, b] for a, b in near]) for kind in (key, value))
            logits = (query[i, j] * keys).sum(2) / size**0.5 + layer.bias[offsets]
            mixed[i, j] = (logits.softmax(0)[..., None] * values).sum(0)
    x = x + layer.out(mixed.flatten(2))
    return x + layer.mlp(layer.after(x))


def test_windows_by_hand() -> None:
    x = torch.randn(2, SIDE, SIDE, CHANNELS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for shift in (0, 2):
        layer = block(shift)
        with torch.no_grad():
            expected = torch.stack([by_hand(layer, image, shift) for image in x])
            torch.testing.assert_close(layer(x), expected)


def test_transposed_attention_by_hand() -> None:
    torch.manual_seed(0)
    layer = TransposedAttention(9).double()
    x = torch.randn(2, 5, 9, dtype=torch.float64)
    with torch.no_grad():
        for image, found in zip(x, layer(x), strict=True):
            weights = (layer.query(image) @ layer.key(image).T / 3).softmax(1)
            torch.testing.assert_close(found, image + weights @ layer.value(image))


def test_channels_are_tokens_without_order() -> None:
    layer = TransposedAttention(9)
    x, order = torch.randn(2, 5, 9), torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(layer(x)[:, order], layer(x[:, order]))
