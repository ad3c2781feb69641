"""Does a model answer with probabilities that round to 0 and 1 where logits are wanted?

The derivative of a softmax that is 1 in float32 is 0: no gradient passes, and a search that counts on differences between
outputs sees none. The network behind it may be as fragile as any.
"""

from __future__ import annotations

import torch
from torch import Tensor

SUMS_TO_ONE = 1e-3
"""Largest distance from 1 of the sum of a row of probabilities."""
ROUNDS_TO_ONE = 1e-6
"""Distance from 1 of the largest probability below which its complement is rounding in float32, about ten units of it."""


def saturated_share(outputs: object) -> float:
    """Share of rows of ``outputs`` ``(n, K)`` whose largest probability rounds to 1; 0 where they are no probabilities."""
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or outputs.shape[1] < 2 or not len(outputs):
        return 0.0
    rows = outputs.detach().double()
    sums = (rows.sum(1) - 1).abs() <= SUMS_TO_ONE
    if not bool(torch.isfinite(rows).all()) or not bool((rows >= 0).all()) or not bool(sums.all()):
        return 0.0
    return float((rows.amax(1) >= 1 - ROUNDS_TO_ONE).double().mean())
