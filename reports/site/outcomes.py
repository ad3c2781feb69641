"""Outcomes of every model on every sample, packed for a browser that compares any two models.

A thousand samples that are right or wrong take 168 characters, so 1,000 models at 3 radii and clean take 0.7 MB.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from scipy import stats

from bench.boards.protocol import Protocol
from bench.boards.store import Entry
from bench.metrics.statistics import Floats
from reports.presentations.presentation import presentation_of

Outcomes = dict[str, str | list[float]]
"""Measure to packed bits, or to numbers where they are not all 0 or 1."""


def outcomes(entry: Entry, protocol: Protocol) -> Outcomes:
    """Per measure the value of every independent sample, in the order of their ids."""
    measures = presentation_of(protocol.task).outcomes(entry, protocol)
    return {measure: pack(values) for measure, values in measures.items()}


def pack(values: Floats) -> str | list[float]:
    """Base64 of the bits of ``values`` (n,) if all are 0 or 1, first sample in the highest bit; otherwise the numbers."""
    if np.isin(values, (0.0, 1.0)).all():
        return base64.b64encode(np.packbits(values.astype(bool)).tobytes()).decode()
    return [round(float(value), 6) for value in values]


def constants(n: int, level: float = 0.95) -> dict[str, Any]:
    """Numbers for the browser: ``n`` independent samples, and quantiles of the normal and of Student's t distribution."""
    student = float(stats.t.ppf(0.5 + level / 2, n - 1)) if n > 1 else None
    return {"n": n, "z": float(stats.norm.ppf(0.5 + level / 2)), "t": student}
