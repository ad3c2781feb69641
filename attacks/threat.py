"""What an attacker may do: a norm, a radius, a box.

Units: inputs live in the box ``[low, high]`` (``[0, 1]`` for images), and ``eps``
is in the same units, so the customary "8/255" is ``8 / 255``. ``eps`` may differ
from row to row; every function that takes a threat broadcasts it over one row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]


def per_row(values: Tensor, like: Tensor) -> Tensor:
    """Reshape ``(n,)`` to ``(n, 1, ..., 1)`` so that it broadcasts over rows of ``like``."""
    return values.view(-1, *([1] * (like.dim() - 1)))


def row_norm(delta: Tensor, norm: Norm) -> Tensor:
    """Norm of each row of ``delta`` ``(n, ...)`` as ``(n,)``; linf or l2."""
    flat = delta.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else torch.linalg.vector_norm(flat, dim=1)


@dataclass(frozen=True, kw_only=True)
class Threat:
    """A perturbation budget.

    norm: ``"linf"`` or ``"l2"``, taken over one whole input.
    eps: radius in input units; a float, or ``(n,)`` for a radius per row.
    low, high: the box that a perturbed input must stay in.
    """

    norm: Norm = "linf"
    eps: float | Tensor
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.norm not in ("linf", "l2"):
            raise ValueError(f"norm must be 'linf' or 'l2', not {self.norm!r}")
        if not bool((torch.as_tensor(self.eps) >= 0).all()):
            raise ValueError(f"eps must be a number and not negative, got {self.eps}")
        if not self.low < self.high:
            raise ValueError(f"the box [{self.low}, {self.high}] is empty")

    def radius(self, x: Tensor) -> Tensor:
        """eps for the rows of ``x``, shaped ``(n, 1, ..., 1)``, in the dtype of ``x``."""
        eps = torch.as_tensor(self.eps, dtype=x.dtype, device=x.device)
        return per_row(eps.expand(len(x)), x)

    def rows(self, index: Tensor) -> Threat:
        """The same threat for the rows ``index`` of a batch."""
        if isinstance(self.eps, Tensor) and self.eps.dim():
            return replace(self, eps=self.eps[index])
        return self
