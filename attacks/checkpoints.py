"""The steps at which APGD and SA-PGD reconsider their step size (Croce and Hein, ICML 2020, section 3)."""

from __future__ import annotations

import math


def checkpoints(steps: int) -> list[int]:
    """Increasing step numbers below ``steps``: ``ceil(p_j * steps)`` p_1 = 0.22, gaps shrinking by 0.03 to 0.06."""
    numbers: list[int] = []
    before, share = 0.0, 0.22
    while True:
        at = math.ceil(round(share * steps, 9))
        if at >= steps:
            return numbers
        if at > (numbers[-1] if numbers else 0):
            numbers.append(at)
        before, share = share, share + max(share - before - 0.03, 0.06)
