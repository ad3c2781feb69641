"""What the units of a model that scores hold."""

from __future__ import annotations

from dataclasses import dataclass

from bench.tasks.unit import CleanAnswers, StageOutcome


@dataclass(frozen=True, kw_only=True)
class CleanScores(CleanAnswers):
    """Clean scores on a shard of n samples.

    clean: scores. gradient_l1: l1 norm of the input gradient, None where it is not finite or there is none.
    """

    clean: list[float]
    gradient_l1: list[float | None]


@dataclass(frozen=True, kw_only=True)
class ScoreOutcome(StageOutcome):
    """What one stage did to the scores of m rows. shift: signed, of the score; shift_8bit: after rounding to 8 bits."""

    shift: list[float]
    shift_8bit: list[float]
