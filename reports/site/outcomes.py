"""What every model did on every sample, small enough to send to a browser that compares any two of them.

A thousand samples are 168 characters where each is right or wrong, so 1,000 models at 3 radii and clean are 0.7 MB.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from scipy import stats

from bench.boards.protocol import Protocol
from bench.boards.store import Entry
from bench.metrics.statistics import Floats
from bench.tasks.classification.board import standing
from bench.tasks.quality.board import by_photograph, moved

Outcomes = dict[str, str | list[float]]
"""Measure to packed bits, or to numbers where they are not all 0 or 1."""


def outcomes(entry: Entry, protocol: Protocol) -> Outcomes:
    """Per measure the value of every sample, in the order of their ids."""
    if protocol.task == "quality":
        return {
            f"minus shift {eps}": pack(-by_photograph(moved(entry.record, eps), "shift")) for eps in _ranked_first(protocol)
        }
    rows = entry.record.rows.drop_duplicates("sample").sort_values("sample")
    found = {f"attack {eps}": pack(np.asarray(standing(entry.record, eps), dtype=np.float64)) for eps in protocol.eps}
    main = f"attack {protocol.rank_by}"
    return {main: found.pop(main), "clean": pack(np.asarray(rows["clean_correct"], dtype=np.float64)), **found}


def _ranked_first(protocol: Protocol) -> list[str]:
    return [protocol.rank_by, *(eps for eps in protocol.eps if eps != protocol.rank_by)]


def pack(values: Floats) -> str | list[float]:
    """Base64 of bits, first sample in the highest bit of the first byte; or the numbers."""
    if np.isin(values, (0.0, 1.0)).all():
        return base64.b64encode(np.packbits(values.astype(bool)).tobytes()).decode()
    return [round(float(value), 6) for value in values]


def constants(n: int, level: float = 0.95) -> dict[str, Any]:
    """What the browser needs beside the outcomes: independent samples, quantiles of the normal and of Student's t."""
    student = float(stats.t.ppf(0.5 + level / 2, n - 1)) if n > 1 else None
    return {"n": n, "z": float(stats.norm.ppf(0.5 + level / 2)), "t": student}
