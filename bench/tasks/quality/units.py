"""Results of the units of a model that scores."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.objectives import Objective
from attacks.score_objectives import Decrease, Increase
from bench.tasks.unit import CleanAnswers, StageOutcome


@dataclass(frozen=True, kw_only=True)
class CleanScores(CleanAnswers):
    """Clean scores on a shard of n samples.

    clean: scores. gradient_l1: l1 norm of the input gradient, None where it is not finite or does not exist.
    """

    clean: list[float]
    gradient_l1: list[float | None]


@dataclass(frozen=True, kw_only=True)
class ScoreOutcome(StageOutcome):
    """The outcome of one stage for the scores of m rows. shift: signed shift of the score; shift_8bit: after rounding."""

    shift: list[float]
    shift_8bit: list[float]

    def headway(self, objective: Objective | None) -> list[float]:
        """The shift in the direction of the objective; empty for one that is neither up nor down. See the base."""
        if isinstance(objective, Increase | Decrease):
            sign = 1 if isinstance(objective, Increase) else -1
            return [sign * shift for shift in self.shift]
        return []
