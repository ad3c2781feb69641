"""Statistics of accuracy under attack and under noise, from records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from bench.metrics.statistics import Floats, mean, paired_difference
from bench.studies.claims.lab import Lab
from bench.studies.claims.statistic import Measured, Statistic, paired


class _Attacked(Statistic):
    attack: str
    """Spec."""
    eps: str
    """Radius."""
    norm: str = "linf"
    """Threat."""
    path: str = "training"
    """Gradient path; an attack of several stages chooses its own."""

    def column(self, model: str, name: str, lab: Lab) -> Floats:
        """A column ``(n,)`` of the rows of a model's evaluation. Raises a ``BenchError`` if that fails."""
        rows = lab.rows(model, attack=self.attack, eps=self.eps, n=self.n, seed=self.seed, path=self.path, norm=self.norm)
        return rows[name].to_numpy(float)

    def accuracies(self, models: Sequence[str], lab: Lab) -> dict[str, float]:
        """Clean, noise and robust accuracy of each model, as parts of the result."""
        columns = {"clean": "clean_correct", "noise": "noise_1", "robust": "robust"}
        return {
            f"{model} {label}": round(float(self.column(model, column, lab).mean()), 4)
            for model in models
            for label, column in columns.items()
        }


class RobustDifference(_Attacked):
    """Robust accuracy of the first model minus that of the second (Newcombe's interval for paired proportions)."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.column(model, "robust", lab) for model in models)
        difference = paired_difference(first, second)
        return Measured(difference.value, difference.low, difference.high, difference.n, self.accuracies(models, lab))


class GapDifference(_Attacked):
    """Adversarial-vs-random gap of the first model minus that of the second.

    noise: one draw (``noise_1``, as in the literature) or the worst of K draws (``noise_k``).
    """

    noise: Literal["noise_1", "noise_k"] = "noise_1"

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.column(model, self.noise, lab) - self.column(model, "robust", lab) for model in models)
        return paired(first, second, self.accuracies(models, lab))


class Robust(_Attacked):
    """Accuracy of one model under attack (Wilson's interval)."""

    takes: ClassVar[int] = 1

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for this model; see :meth:`.Statistic.measure`."""
        robust = mean(self.column(models[0], "robust", lab))
        return Measured(robust.value, robust.low, robust.high, robust.n, self.accuracies(models, lab))


class Gap(_Attacked):
    """Accuracy under one draw of uniform noise minus accuracy under attack, of one model."""

    takes: ClassVar[int] = 1

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        difference = paired_difference(self.column(models[0], "noise_1", lab), self.column(models[0], "robust", lab))
        return Measured(difference.value, difference.low, difference.high, difference.n, self.accuracies(models, lab))


class AttackDifference(Statistic):
    """Robust accuracy of one model under the first attack minus that under the second."""

    takes: ClassVar[int] = 1

    attacks: list[str] = Field(min_length=2, max_length=2)
    """Specs."""
    paths: list[str] = Field(default=["training", "training"], min_length=2, max_length=2)
    """Gradient path of either."""
    draws: list[PositiveInt] | None = Field(default=None, min_length=2, max_length=2)
    """Draws that either averages per query of a stochastic model; the usual number if None."""
    eps: str
    """Radius."""
    norm: str = "linf"
    """Threat."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        eots = self.draws or (None, None)
        asked = list(zip(self.attacks, self.paths, eots, strict=True))
        tables = [
            lab.rows(models[0], attack=attack, eps=self.eps, n=self.n, seed=self.seed, path=path, norm=self.norm, eot=eot)
            for attack, path, eot in asked
        ]
        first, second = columns = [table["robust"].to_numpy(float) for table in tables]
        names = [f"{attack} along {path}" + ("" if eot is None else f", draws: {eot}") for attack, path, eot in asked]
        parts = {name: round(float(column.mean()), 4) for name, column in zip(names, columns, strict=True)}
        difference = paired_difference(first, second)
        return Measured(difference.value, difference.low, difference.high, difference.n, parts)
