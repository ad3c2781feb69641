"""Numbers per row, in the shape that broadcasts over whole inputs."""

from __future__ import annotations

from torch import Tensor


def per_row(values: Tensor, like: Tensor) -> Tensor:
    """``values`` ``(n,)`` as ``(n, 1, ..., 1)``, so that they broadcast over the rows of ``like`` ``(n, ...)``."""
    return values.view(-1, *([1] * (like.dim() - 1)))
