"""Results of the units of a model that scores."""

from __future__ import annotations

from dataclasses import dataclass

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
