"""The contract of a statistic, and the arithmetic that statistics share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bench.metrics.statistics import Floats, mean_interval
from bench.studies.claims.lab import Lab


@dataclass(frozen=True)
class Measured:
    """A statistic with its 95% interval over ``n`` samples. parts: figures from which it is computed, by name."""

    value: float
    low: float
    high: float
    n: int
    parts: dict[str, float] = field(default_factory=dict)


class Statistic(BaseModel, ABC):
    """Fields are the protocol of a claim; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    takes: ClassVar[int] = 2
    """How many models it compares."""

    n: int = Field(gt=0)
    """The first n test samples."""
    seed: int = 0
    """Of every draw."""

    @abstractmethod
    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; differences are the first minus the second, on the same samples.

        Raises a ``BenchError`` if a model cannot be measured.
        """


def paired(first: Floats, second: Floats, parts: dict[str, float]) -> Measured:
    """Mean of ``first - second``, ``(n,)`` each, with Student's interval on the differences.

    Raises ``ValueError`` for n below 2.
    """
    difference = mean_interval(np.asarray(first, float) - np.asarray(second, float))
    return Measured(difference.value, difference.low, difference.high, difference.n, parts)
