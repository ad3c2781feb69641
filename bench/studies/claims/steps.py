"""The statistic of accuracy per time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from bench.foundation.errors import SpecError
from bench.metrics.statistics import Floats
from bench.studies.claims.lab import Lab
from bench.studies.claims.statistic import Measured, Statistic, paired
from bench.studies.measures.accuracy_by_step import accuracy_by_step, calibration


class AccuracyByStep(Statistic):
    """Clean accuracy of the first model minus that of the second, averaged over numbers of time steps.

    counted: ``steps`` compares at equal T, ``latency`` at equal steps from the first input to the answer, calibration
        included.
    """

    steps: list[int] = Field(min_length=1)
    """Numbers of steps after which the answer is read."""
    counted: Literal["steps", "latency"] = "steps"

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.correct(model, lab) for model in models)
        parts = {
            f"{model} at {steps}": round(float(row.mean()), 4)
            for model, rows in zip(models, (first, second), strict=True)
            for steps, row in zip(self.steps, rows, strict=True)
        }
        return paired(first.mean(0), second.mean(0), parts)

    def correct(self, model: str, lab: Lab) -> Floats:
        """Rates of correct answers ``(len(steps), n)``. Raises ``SpecError`` for steps that end within calibration."""
        extra = calibration(model) if self.counted == "latency" else 0
        read = [steps - extra for steps in self.steps]
        if min(read) < 1:
            raise SpecError(f"zoo:{model} calibrates for {extra} steps and has no answer by then.", "Ask for more steps.")
        what = {"accuracy by step": read, "seed": self.seed}
        samples = lab.samples(model, self.n)
        return lab.stored(
            what, model, self.n, lambda: accuracy_by_step(model, samples, read, seed=self.seed, device=lab.device)
        )
