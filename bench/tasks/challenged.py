"""What is left of an entry's samples once the adversarial images that others brought are counted too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from bench.metrics.statistics import Floats
    from bench.tasks.board import BoardEntry


def counting_challenges(
    own: pd.Series[float],
    entry: BoardEntry,
    eps: str,
    figure: Callable[[Any], float | None],
    worse: Callable[[float, float], float],
) -> Floats:
    """Per-sample values ``(n,)`` at a radius, each the worse of the entry's own and what challenges brought.

    own: by sample, under the attacks of the protocol. figure: the value of a row of a challenge, None if it has none.
    worse: of two values; images outside of ball or box do not count.
    """
    values = own.copy()
    for challenge in entry.challenges:
        if challenge.eps != eps:
            continue
        for row in challenge.rows:
            brought = figure(row)
            if row.status == "ok" and brought is not None and row.sample in values.index:
                values[row.sample] = worse(values[row.sample], brought)
    return np.asarray(values, dtype=np.float64)


def external(entry: BoardEntry, eps: str, best_known: Callable[[BoardEntry, str], Floats]) -> float | str:
    """The mean of what is best known at a radius, for the table; an empty text if nobody challenged the entry there."""
    challenged = any(challenge.eps == eps for challenge in entry.challenges)
    return float(best_known(entry, eps).mean()) if challenged else ""
