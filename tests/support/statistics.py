"""Claims about random results, as means over many keyed draws with a margin in standard errors.

A claim that most draws keep and some break holds on one machine and fails on the next, whose rounding sends a search
elsewhere. Here the claim is about the mean, and ``at_least(draws) > bound`` says that the mean exceeds the bound by more
than :data:`MARGIN` standard errors. Bounds in the tests lie twice as far from what was measured, so that a correct program
fails by chance less often than once in ten thousand runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MARGIN = 4.0
"""Standard errors."""
SEEDS = range(20)
"""Of claims whose draws are whole runs."""


def at_least(draws: Tensor | Sequence[float]) -> float:
    """The mean of independent ``draws`` ``(n,)``, less :data:`MARGIN` standard errors of it."""
    values = torch.as_tensor(draws, dtype=torch.float64)
    return float(values.mean() - MARGIN * values.std() / len(values) ** 0.5)


def at_most(draws: Tensor | Sequence[float]) -> float:
    """The mean of independent ``draws`` ``(n,)``, plus :data:`MARGIN` standard errors of it."""
    return -at_least(-torch.as_tensor(draws, dtype=torch.float64))
