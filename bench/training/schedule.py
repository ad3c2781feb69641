"""Learning rate as a pure function of the step, so that resuming needs no scheduler state."""

from __future__ import annotations

import math


def learning_rate(step: int, total: int, *, peak: float, warmup: float) -> float:
    """Linear from ``peak / 10`` over the first ``warmup`` share of the steps, then a half cosine to zero."""
    rising = warmup * total
    if step < rising:
        return peak * (0.1 + 0.9 * step / rising)
    falling = total - rising
    return peak * 0.5 * (1 + math.cos(math.pi * ((step - rising) / falling if falling > 0 else 1.0)))
