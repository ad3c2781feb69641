"""The surrogates' formulas, written a second time from their papers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

FORMULAS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "rectangle": lambda x, w: (x.abs() < w / 2).to(x) / w,
    "triangle": lambda x, w: torch.relu(1 - x.abs() / w) / w,
    "atan": lambda x, w: 1 / (2 * w) / (1 + (math.pi / 2 * x / w) ** 2),
    "sigmoid": lambda x, w: 1 / (4 * w * torch.cosh(x / (2 * w)) ** 2),
    "fast_sigmoid": lambda x, w: (w / (w + x.abs())) ** 2,
    "exponential": lambda x, w: torch.exp(-x.abs() / w),
    "gaussian": lambda x, w: torch.exp(-((x / w) ** 2) / 2) / math.sqrt(2 * math.pi * w**2),
    "straight_through": lambda x, w: torch.ones_like(x),
}


@pytest.fixture
def formula() -> Callable[[str], Callable[[Tensor, float], Tensor]]:
    """A slope by its name: a function of (distance in units of the threshold, width)."""
    return FORMULAS.__getitem__
