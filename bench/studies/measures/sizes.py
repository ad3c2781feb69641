"""Numbers of samples that are measured."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (1, 2, 4, 8)
"""Numbers of steps after which answers are read."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of first test samples. clean: for accuracy, and accuracy per time step. cost: for spikes and operations."""

    clean: int = 10_000
    cost: int = 500
