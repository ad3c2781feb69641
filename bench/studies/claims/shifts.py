"""Statistics of the score shifts of image-quality models. Intervals resample reference photographs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import model_validator

from bench.foundation.errors import ModelError
from bench.metrics import quality
from bench.studies.claims.statistic import Measured, Statistic

if TYPE_CHECKING:
    import pandas as pd

    from bench.metrics.statistics import Floats
    from bench.studies.claims.lab import Lab


class _OfShifts(Statistic):
    attack: str
    """Spec; the attack raises and lowers the score unless the spec has an objective."""
    eps: str
    """linf radius."""

    def rows(self, model: str, lab: Lab) -> pd.DataFrame:
        """Rows of a model by sample, without samples on which a stage failed.

        Raises ``ModelError`` for a model that decides and does not score.
        """
        rows = lab.rows(model, attack=self.attack, eps=self.eps, n=self.n, seed=self.seed)
        if "shift" not in rows:
            raise ModelError(f"zoo:{model} decides and does not score.", "Name models of image quality in the claim.")
        return rows[(rows["status"] == "ok") & rows["shift"].notna()]


class ShiftDifference(_OfShifts):
    """Mean |shift| of the first model's scores minus that of the second's, on the same images."""

    counted: ClassVar[str] = "|shift|"
    """What :meth:`sizes` returns, in the parts of a result."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.rows(model, lab) for model in models)
        common = first.index.intersection(second.index)
        both = ((first.loc[common], models[0]), (second.loc[common], models[1]))
        sizes = [self.sizes(rows, model, lab) for rows, model in both]
        groups = first.loc[common, "group"].to_numpy(np.int64)
        difference = quality.estimate(quality.signed_shift(sizes[1], sizes[0]), len(common), groups=groups)
        parts = {}
        for model, rows, size in zip(models, (first, second), sizes, strict=True):
            clean, label = (rows.loc[common, column].to_numpy(float) for column in ("clean", "label"))
            parts[f"{model} {self.counted}"] = round(float(size.mean()), 4)
            parts[f"{model} clean SRCC"] = round(quality.estimate(quality.srcc(clean, label), len(common)).value, 4)
        return Measured(difference.value, difference.low, difference.high, difference.n, parts)

    def sizes(self, rows: pd.DataFrame, model: str, lab: Lab) -> Floats:
        """What counts of each sample, ``(N,)``."""
        return rows["shift"].abs().to_numpy(float)


class ClippedShiftDifference(ShiftDifference):
    """The same of scores clipped to their model's range, in units of the range, as boards rank."""

    counted: ClassVar[str] = "clipped |shift|"

    at: str
    """The radius that counts, as written. ``eps`` may name several, so that a board's evaluation answers the claim too."""

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        if self.at not in [radius.strip() for radius in self.eps.split(",")]:
            raise ValueError(f"at is one of the radii {self.eps}, got {self.at}")
        return self

    def rows(self, model: str, lab: Lab) -> pd.DataFrame:
        """Rows of a model at the radius that counts. Raises ``ModelError`` for a model that decides and does not score."""
        rows = super().rows(model, lab)
        return rows[rows["eps_text"] == self.at]

    def sizes(self, rows: pd.DataFrame, model: str, lab: Lab) -> Floats:
        """The larger clipped shift of each sample, ``(N,)``."""
        scale = quality.ScoreRange(*(lab.subject(model).score_range or (0.0, 1.0)))
        clean, raised, lowered = (rows[name].to_numpy(float) for name in ("clean", "score_up", "score_down"))
        return quality.clipped_sizes(clean, raised, lowered, scale)


class ShiftPrediction(_OfShifts):
    """Rank correlation, over images, of |shift| with the l1 norm of the input gradient at the clean image."""

    takes: ClassVar[int] = 1

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        rows = self.rows(models[0], lab)
        rows = rows[rows["gradient_l1"].notna()]
        size, norm = rows["shift"].abs().to_numpy(float), rows["gradient_l1"].to_numpy(float)
        correlation = quality.estimate(quality.srcc(norm, size), len(rows), groups=rows["group"].to_numpy(np.int64))
        parts = {
            "mean |shift|": round(float(size.mean()), 4),
            "mean eps * l1 norm": round(float((rows["eps"].to_numpy(float) * norm).mean()), 4),
        }
        return Measured(correlation.value, correlation.low, correlation.high, correlation.n, parts)
