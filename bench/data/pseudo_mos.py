"""Pseudo mean opinion scores: what full-reference measures agree on, in place of people's judgement.

No person rated these images. The score is the mean of three measures (MDSI, HaarPSI, GMSD), each replaced by its rank
among the training images, so that none outweighs the others by its scale. On KADID-10k each of the three correlates
with people at 0.85 to 0.89 (SRCC); what they share, the score shares: a brighter or sharper image can only lose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.metrics.fullreference import gmsd, haarpsi, mdsi

RANKS = Path(__file__).parent / "embedded" / "pseudo_mos_ranks.json"
QUANTILES = 257


def measure(reference: NDArray[np.float64], distorted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,): minus MDSI, HaarPSI, minus GMSD, so that larger is better. Images are (H, W, 3) in [0,1]."""
    return np.array([-mdsi(reference, distorted), haarpsi(reference, distorted), -gmsd(reference, distorted)])


@dataclass(frozen=True, eq=False)
class Ranks:
    """Quantiles (3, Q) of the three measures over a population, ascending."""

    quantiles: NDArray[np.float64]

    @classmethod
    def of(cls, measures: NDArray[np.float64]) -> Ranks:
        """measures: (N, 3), of the population."""
        return cls(np.quantile(measures, np.linspace(0, 1, QUANTILES), axis=0).T)

    def pseudo_mos(self, measures: NDArray[np.float64]) -> NDArray[np.float32]:
        """(N,) in [0,1] from measures (N, 3): the mean share of the population that is worse."""
        shares = np.linspace(0, 1, self.quantiles.shape[1])
        # Some distortions leave grey images alone; an ulp must not put such an image below its equals.
        rounded = np.round(measures.T, 9)
        ranked = [np.interp(column, known, shares) for column, known in zip(rounded, self.quantiles, strict=True)]
        mean: NDArray[np.float32] = np.mean(ranked, axis=0).astype(np.float32)
        return mean

    def to_json(self) -> str:
        """The quantiles as they are shipped, to 9 significant digits."""
        rows = [[float(f"{value:.9g}") for value in row] for row in self.quantiles]
        return json.dumps({"order": ["-mdsi", "haarpsi", "-gmsd"], "quantiles": rows}, separators=(",", ":")) + "\n"


def shipped_ranks(path: Path = RANKS) -> Ranks:
    """The ranks over the training images of ``photos``, which define its scores."""
    return Ranks(np.array(json.loads(path.read_text())["quantiles"]))
