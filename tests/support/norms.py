"""Norms of rows, written apart from the suite."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]


def row_norm(delta: Tensor, norm: Norm) -> Tensor:
    """Norm of each row of ``delta`` ``(n, ...)`` as ``(n,)``."""
    flat = delta.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else torch.linalg.vector_norm(flat, dim=1)
