"""The radius of each row in the unit of its distance, where a radius may be a share of the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.data import load_samples
from bench.foundation.threats import threat_at, threat_registry

if TYPE_CHECKING:
    import pandas as pd

    from bench.metrics.statistics import Floats


def radii(rows: pd.DataFrame, norm: str, data: Any) -> Floats:
    """Radii ``(n,)`` of rows under the threat ``norm``. data: name, split and number ``n`` of the samples.

    A share is taken of the clean sample, for which the samples are loaded. Raises ``DataError`` if they are not there.
    """
    eps = rows["eps"].to_numpy(float)
    if not threat_registry.get(norm).takes_shares or bool((eps >= 1).all()):
        return eps
    samples = load_samples(data.name, split=data.split, n=data.n)
    place = {int(sample): position for position, sample in enumerate(samples.ids.tolist())}
    positions = np.array([place[int(sample)] for sample in rows["sample"]])
    allowed = eps.copy()
    for value in np.unique(eps):
        of_samples = threat_at(norm, float(value)).radius(samples.images).flatten().double().numpy()
        allowed = np.where(eps == value, of_samples[positions], allowed)
    return allowed
