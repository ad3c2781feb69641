"""Numbers per row, in the shape that broadcasts over whole inputs, and the rows that are chosen by one."""

from __future__ import annotations

from torch import Tensor


def per_row(values: Tensor, like: Tensor) -> Tensor:
    """``values`` ``(n,)`` as ``(n, 1, ..., 1)``, so that they broadcast over the rows of ``like`` ``(n, ...)``."""
    return values.view(-1, *([1] * (like.dim() - 1)))


def places(chosen: Tensor) -> Tensor:
    """Indices ``(m,)`` of the rows that are ``chosen`` ``(n,)`` bool.

    An attack waits for a GPU to learn how many rows are left. Indexing several tensors by ``chosen`` itself would wait for
    each of them.
    """
    return chosen.nonzero()[:, 0]
