"""Statistics of how far the scores of image-quality models move. Intervals resample reference photographs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bench.foundation.errors import ModelError
from bench.metrics import quality
from bench.studies.claims.statistic import Measured, Statistic

if TYPE_CHECKING:
    import pandas as pd

    from bench.studies.claims.lab import Lab


class _Moved(Statistic):
    attack: str
    """Spec; run both ways unless it has an objective of its own."""
    eps: str
    """linf radius."""

    def rows(self, model: str, lab: Lab) -> pd.DataFrame:
        """By sample, those on which no stage failed."""
        rows = lab.rows(model, attack=self.attack, eps=self.eps, n=self.n, seed=self.seed)
        if "shift" not in rows:
            raise ModelError(f"zoo:{model} decides and does not score.", "Name models of image quality in the claim.")
        return rows[(rows["status"] == "ok") & rows["shift"].notna()]


class ShiftDifference(_Moved):
    """Mean |shift| of the first model's scores minus that of the second's, on the same images."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        one, other = (self.rows(model, lab) for model in models)
        both = one.index.intersection(other.index)
        sizes = [rows.loc[both, "shift"].abs().to_numpy(float) for rows in (one, other)]
        groups = one.loc[both, "group"].to_numpy(np.int64)
        found = quality.estimate(quality.signed_shift(sizes[1], sizes[0]), len(both), groups=groups)
        parts = {}
        for model, rows, size in zip(models, (one, other), sizes, strict=True):
            clean, label = (rows.loc[both, column].to_numpy(float) for column in ("clean", "label"))
            parts[f"{model} |shift|"] = round(float(size.mean()), 4)
            parts[f"{model} clean SRCC"] = round(quality.estimate(quality.srcc(clean, label), len(both)).value, 4)
        return Measured(found.value, found.low, found.high, found.n, parts)


class ShiftPrediction(_Moved):
    """Rank correlation, over images, of |shift| with the l1 norm of the input gradient at the clean image."""

    takes: ClassVar[int] = 1

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        rows = self.rows(models[0], lab)
        rows = rows[rows["gradient_l1"].notna()]
        size, norm = rows["shift"].abs().to_numpy(float), rows["gradient_l1"].to_numpy(float)
        found = quality.estimate(quality.srcc(norm, size), len(rows), groups=rows["group"].to_numpy(np.int64))
        parts = {
            "mean |shift|": round(float(size.mean()), 4),
            "mean eps * l1 norm": round(float((rows["eps"].to_numpy(float) * norm).mean()), 4),
        }
        return Measured(found.value, found.low, found.high, found.n, parts)
