"""Linear recursions over time."""

from __future__ import annotations

import torch
from torch import Tensor


def leaky_sum(x: Tensor, decay: float) -> Tensor:
    """``y[t] = decay * y[t-1] + x[t]`` along the first axis of ``x`` ``(T, ...)``; ``y[-1] = 0``."""
    sums = [x[0]]
    for step in x[1:]:
        sums.append(decay * sums[-1] + step)
    return torch.stack(sums)
