"""Numbers of samples that are measured."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (1, 2, 4, 8)
"""Numbers of steps after which answers are read."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of first test samples.

    clean: for clean accuracy and accuracy per time step. cost: for spikes and operations. quick, standard: under these
    attack sets; 0 skips the set. stochastic: at most so many under attack for models whose verdicts take ten draws each.
    radii: linf radii of the attacks, each a record of its own.
    """

    clean: int = 10_000
    cost: int = 500
    quick: int = 1000
    standard: int = 300
    stochastic: int = 10
    radii: tuple[str, ...] = ("2/255", "8/255")

    def attacked(self, attack: str, *, stochastic: bool) -> int:
        """Number of samples under ``attack``."""
        n = {"quick": self.quick, "standard": self.standard}[attack]
        return min(n, self.stochastic) if stochastic else n
