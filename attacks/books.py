"""The books of an oracle: what each row has cost, and what was wrong with its gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass
class Books:
    """Counters shared by all views of one oracle; one entry per row."""

    forwards: Tensor
    backwards: Tensor
    bad_gradient: Tensor
    """Rows for which some gradient was not finite (it was replaced by zeros), or some objective no number."""
    zero_gradients: Tensor
    """Queries whose gradient was zero everywhere."""
    index: Tensor
    """``(n,)``: the entries that the rows of this view are booked on."""

    @classmethod
    def of(cls, rows: int, device: torch.device) -> Books:
        """Empty books for so many rows."""

        def zeros() -> Tensor:
            return torch.zeros(rows, dtype=torch.int64, device=device)

        return cls(zeros(), zeros(), zeros().bool(), zeros(), torch.arange(rows, device=device))

    def at(self, rows: Tensor) -> Books:
        """The same books for a view of ``rows`` ``(n,)``."""
        return replace(self, index=self.index[rows])

    def spend(self, counter: Tensor, rows: Tensor) -> None:
        """Add one to ``counter`` for each entry of ``rows`` ``(n,)``; a row may occur several times."""
        counter.index_add_(0, self.index[rows], torch.ones_like(rows))


def occurrences_before(rows: Tensor) -> Tensor:
    """How often each entry of ``rows`` ``(n,)`` occurred before it, ``(n,)``: 3, 5, 3, 3 gives 0, 0, 1, 2."""
    order = rows.argsort(stable=True)
    ordered = rows[order]
    earlier = torch.empty_like(rows)
    earlier[order] = torch.arange(len(rows), device=rows.device) - torch.searchsorted(ordered, ordered)
    return earlier
